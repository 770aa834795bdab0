// The torture sample: every fault of the emulator on a send, at each position of the requests of a few hundred messages, through
// both gateways. Nothing may be registered twice, and every message must have a receipt that tells the truth.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

import { Messenger, NikSms, PayamResan } from '../dist/esm/index.js';
import { emulate, until } from './support.mjs';

const COUNT = 300;
const THENS = [
  'never', 'close', 'half', 'garbage', 'html', { status: 503 }, { status: 429 }, { status: 400 }, { code: 100 }, { code: 20 },
  { code: 19 }, { delayMs: 30 }, 'drop_rows', 'shuffle_rows', 'late',
];
const FIXED = new Set(['drop_rows', 'shuffle_rows', 'late']);
// A refusal (HTTP 4xx, or the gateway's own code of one) means "not sent" by the protocols. One that comes after registering would
// be a lie, against which no client is safe; 100 says itself that it does not know.
const REFUSALS = new Set([429, 400, 20, 19]);
const faults = THENS.flatMap((then) => {
  const onlyBefore = FIXED.has(then) || 'delayMs' in Object(then) || REFUSALS.has(then.status ?? then.code);
  return (onlyBefore ? ['before'] : ['before', 'after']).map((when) => ({ then, when }));
});

const message = (index) => ({
  to: `0912111${String(index).padStart(4, '0')}`,
  text: index % 2 === 0 ? 'سلام به همه' : `سلام شماره ${index}`,
});

/** What a gateway says it has is there once, what it says it has not is not there, and nothing is there twice. */
function judge(emulator, receipts, what) {
  const tally = { twice: 0, lost: 0, unclear: 0 };
  for (const { traceId, outcome } of receipts) {
    const registered = emulator.registrations(traceId);
    if (registered > 1) tally.twice += 1;
    if ((outcome === 'accepted' && registered === 0) || (outcome === 'rejected' && registered > 0)) tally.lost += 1;
    if (outcome === 'unclear') tally.unclear += 1;
  }
  assert.deepEqual({ twice: tally.twice, lost: tally.lost }, { twice: 0, lost: 0 }, what);
  return tally;
}

const GATEWAYS = {
  'payam-resan': (emulator) => new PayamResan(emulator.payamResan({ timeout: 150 })),
  'niksms public-api': (emulator) => new NikSms(emulator.niksms({ timeout: 150 })),
  'niksms soap': (emulator) => new NikSms(emulator.niksms({ dialect: 'soap', timeout: 150 })),
};

// 300 messages, half of them with one text, are four requests or a few more.
const POSITIONS = [0, 1, 2, 3, 4];
// Most of a run is waiting for a pause of the messenger's to end: several emulators at once.
const AT_ONCE = 6;

for (const [name, gateway] of Object.entries(GATEWAYS)) {
  test(`${name}: every fault at every request`, async (t) => {
    const plan = faults.flatMap((fault) => POSITIONS.map((skip) => ({ ...fault, skip, operations: 'send' })));
    const runs = plan.length;
    let unclear = 0;
    const work = async () => {
      const emulator = await emulate(t, { recordRequests: false });
      const messenger = new Messenger([gateway(emulator)], { settle: 10, budget: 2000, concurrency: 2 });
      for (let fault = plan.shift(); fault; fault = plan.shift()) {
        emulator.clear();
        emulator.addFault(fault);
        const report = await messenger.sendEach(Array.from({ length: COUNT }, (_, index) => message(index)));
        assert.equal(report.length, COUNT);
        unclear += judge(emulator, report, `${name}, ${JSON.stringify(fault)}`).unclear;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    t.diagnostic(`${runs} runs of ${COUNT} messages: 0 twice, 0 lost, ${unclear} unclear`);
  });
}

const CHILD = `
  import { Messenger, PayamResan } from '${new URL('../dist/esm/index.js', import.meta.url).href}';
  const settings = JSON.parse(process.env.SETTINGS);
  const messenger = new Messenger([new PayamResan(settings)], { settle: 10, concurrency: 2 });
  const messages = Array.from({ length: ${COUNT} }, (_, index) => ({
    to: '0912111' + String(index).padStart(4, '0'), text: 'سلام شماره ' + index, key: process.env.RUN + ':' + index,
  }));
  const report = await messenger.sendEach(messages);
  console.log(JSON.stringify(report));
`;

test('SIGKILL between the requests of a job that runs again with the same keys', async (t) => {
  const emulator = await emulate(t);
  let kills = 0;
  for (let position = 1; position <= 8; position += 1) {
    emulator.clear();
    const env = { ...process.env, SETTINGS: JSON.stringify(emulator.payamResan()), RUN: `run-${position}` };
    const start = () => spawn(process.execPath, ['--input-type=module', '-e', CHILD], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    // The answer to the request at this position never comes, so the job stands still there until it is killed.
    emulator.addFault({ operations: 'any', skip: position - 1, when: 'after', then: 'never' });
    const killed = start();
    await until(() => emulator.requestCount >= position, 'the request');
    killed.kill('SIGKILL');
    const [, signal] = await once(killed, 'close');
    assert.equal(signal, 'SIGKILL');
    kills += 1;
    emulator.setFaults([]);
    const again = start();
    let output = '';
    again.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    const [code] = await once(again, 'close');
    assert.equal(code, 0);
    const receipts = JSON.parse(output);
    assert.equal(receipts.length, COUNT);
    assert.ok(receipts.every(({ outcome }) => outcome === 'accepted'));
    judge(emulator, receipts, `killed at request ${position}`);
    assert.equal(emulator.messageCount, COUNT);
  }
  t.diagnostic(`${kills} kills: 0 twice, 0 lost`);
});
