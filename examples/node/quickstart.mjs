// A campaign from a CSV file: a text each, a progress bar, and what became of every message. Run it again with an account of your
// own, and nobody gets anything twice, although the file has grown: the campaign has a key.
//
//   node quickstart.mjs [recipients.csv]
//
// Without PAYAM_RESAN_API_KEY or NIKSMS_USERNAME in the environment it talks to the emulator, and nothing leaves this machine.

import { readFile } from 'node:fs/promises';

import { connect } from './gateways.mjs';

const file = process.argv[2] ?? new URL('../data/recipients.csv', import.meta.url);
const [, ...lines] = (await readFile(file, 'utf8')).replace(/^\uFEFF/, '').trim().split(/\r?\n/);
const rows = lines.map((line) => line.split(','));

// The emulator's clock runs faster, so that its messages arrive within a second.
const { messenger, emulator } = await connect({ speed: 60 });
console.log(emulator ? `No credentials in the environment: sending to the emulator at ${emulator.url}` : 'Sending for real');

const rials = new Intl.NumberFormat('fa-IR');
const messages = rows.map(([name, number, amount]) => ({
  to: number,
  text: `${name} عزیز، مبلغ ${rials.format(Number(amount))} ریال به حساب شما واریز شد.`,
}));

function draw({ planned, accepted, rejected, unclear }) {
  const done = accepted + rejected + unclear;
  const width = 30;
  const filled = Math.round((done / planned) * width);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done} of ${planned}`;
  process.stdout.write(process.stdout.isTTY ? `\r${bar}` : `${bar}\n`);
}

// Each message is named by the key and its recipient. That is for one run after the other: two at the same moment can both send.
const report = await messenger.sendEach(messages, { key: 'payment-2026-11', onProgress: draw });
const { accepted, rejected, unclear } = report.counts;
console.log(`\n${accepted} accepted, ${rejected} rejected, ${unclear} unclear`);
report.toArray().forEach(({ error }, index) => {
  if (error) console.log(`  line ${index + 2} (${rows[index][0]}): ${error.message}`);
});

// A real gateway asks for some minutes between two looks; the emulator does not mind.
const pace = emulator ? { firstLook: 200, interval: 200 } : {};
const states = {};
for await (const change of messenger.track(report.accepted, pace)) {
  if (!change.status?.delivery.isFinal) continue;
  const { state } = change.status.delivery;
  states[state] = (states[state] ?? 0) + 1;
}
console.log(`delivery: ${Object.entries(states).map(([state, count]) => `${count} ${state}`).join(', ')}`);
emulator?.stop();
