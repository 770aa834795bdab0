// The torture sample: every fault of the emulator on a send, at each position of the requests of a few hundred messages, through
// both gateways. Nothing may be registered twice, and every message must have a receipt that tells the truth.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';

import { Messenger, NikSms, PayamResan } from '../dist/esm/index.js';
import { emulate, until } from './support.mjs';

const COUNT = 300;
const ENDS = [
  'never', 'close', 'half', 'garbage', 'html', { status: 503 }, { status: 429 }, { status: 400 }, { status: 403 }, { statusJson: 429 },
  { code: 100 },
];
// Those that say themselves what is carried out. The gateway's own refusal is believed: after registering it would be a lie.
const FIXED = [{ code: 20 }, { code: 19 }, { delayMs: 30 }, 'drop_rows', 'shuffle_rows', 'no_rows', 'extra_row'];
// A request whose connection broke lands within the settling pause, if it lands. The emulator counts from its arrival, the
// messenger from its end, so that this holds on a machine of any speed.
const SETTLE_MS = 10;
// Long enough that only a fault takes it all: a request that a busy machine holds back for longer than it, and than the pause
// after it, would land later than is promised.
const SETTINGS = { settle: SETTLE_MS, budget: 10_000, concurrency: 2 };
const TIMEOUT_MS = 2000;
const WHENS = ['before', 'after', { laterMs: SETTLE_MS / 2 }];
const faults = [...ENDS.flatMap((then) => WHENS.map((when) => ({ then, when }))), ...FIXED.map((then) => ({ then }))];
// Asked once within its rule, Payam Resan is believed: there, what lands after a question is a limit of the promise.
const OF_NIKSMS = [{ then: 'late' }, { then: { halfTaken: 3 } }];
const OWN_FAULTS = {
  'payam-resan': [{ then: 'round_ids' }, { then: { halfTaken: 19 } }],
  'niksms public-api': OF_NIKSMS,
  'niksms soap': OF_NIKSMS,
};

const message = (index) => ({
  to: `0912111${String(index).padStart(4, '0')}`,
  text: index % 2 === 0 ? 'سلام به همه' : `سلام شماره ${index}`,
});

/** What a gateway says it has is there once, what it says it has not is not there, and nothing is there twice. */
function judge(emulator, receipts, what) {
  const tally = { twice: 0, lost: 0, denied: 0, unclear: 0 };
  for (const { traceId, outcome } of receipts) {
    const registered = emulator.registrations(traceId);
    if (registered > 1) tally.twice += 1;
    if (outcome === 'accepted' && registered === 0) tally.lost += 1;
    if (outcome === 'rejected' && registered > 0) tally.denied += 1;
    if (outcome === 'unclear') tally.unclear += 1;
  }
  const { unclear, ...wrong } = tally;
  assert.deepEqual(wrong, { twice: 0, lost: 0, denied: 0 }, what);
  return { unclear };
}

/** Whether the fault had a request to hit: three that send there always are, and questions only after trouble, or for a key. */
function wasHit(emulator, { operations, skip, times = 1 }, what) {
  const [left] = emulator.pendingFaults();
  const isHit = left === undefined || left.times < times;
  assert.ok(isHit || skip > 2 || operations === 'lookup', `${what}: the fault did not happen`);
  return isHit ? 1 : 0;
}

const GATEWAYS = {
  'payam-resan': (emulator) => new PayamResan(emulator.payamResan({ timeout: TIMEOUT_MS })),
  'niksms public-api': (emulator) => new NikSms(emulator.niksms({ timeout: TIMEOUT_MS })),
  'niksms soap': (emulator) => new NikSms(emulator.niksms({ dialect: 'soap', timeout: TIMEOUT_MS })),
};

// 300 messages, half of them with one text, are three or four requests, or a few more.
const POSITIONS = [0, 1, 2, 3, 4];
// Most of a run is waiting for a pause of the messenger's to end: several emulators at once.
const AT_ONCE = 16;

for (const [name, gateway] of Object.entries(GATEWAYS)) {
  test(`${name}: every fault at every request`, async (t) => {
    const plan = [...faults, ...OWN_FAULTS[name]].flatMap((fault) => POSITIONS.map((skip) => ({ ...fault, skip, operations: 'send' })));
    const runs = plan.length;
    let unclear = 0;
    let hit = 0;
    const work = async () => {
      const emulator = await emulate(t, { recordRequests: false });
      const messenger = new Messenger([gateway(emulator)], SETTINGS);
      for (let fault = plan.shift(); fault; fault = plan.shift()) {
        emulator.clear();
        emulator.addFault(fault);
        const report = await messenger.sendEach(Array.from({ length: COUNT }, (_, index) => message(index)));
        assert.equal(report.length, COUNT);
        const what = `${name}, ${JSON.stringify(fault)}`;
        unclear += judge(emulator, report, what).unclear;
        hit += wasHit(emulator, fault, what);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    t.diagnostic(`${runs} runs of ${COUNT} messages, ${hit} hit: 0 twice, 0 lost, 0 denied, ${unclear} unclear`);
  });
}

// Two gateways, each message with a key and without: what one of them has, the other never gets.
const HARD = [
  { then: { status: 400 }, when: 'after' }, { then: { statusJson: 429 }, when: 'after' }, { then: { status: 403 }, when: { laterMs: SETTLE_MS / 2 } },
  { then: 'close', when: { laterMs: SETTLE_MS / 2 } }, { then: 'no_rows' }, { then: { halfTaken: 19 } }, { then: { halfTaken: 15 } },
  { then: 'contradict_rows', operations: 'lookup', times: 3 },
];

test('two gateways, with keys and without: the harder faults at every request', async (t) => {
  const plan = [false, true].flatMap((keyed) => HARD.flatMap((fault) => POSITIONS.map((skip) => ({ keyed, fault: { skip, gateway: 'payam-resan', ...fault } }))));
  const runs = plan.length;
  let unclear = 0;
  let hit = 0;
  const work = async () => {
    const emulator = await emulate(t, { recordRequests: false });
    for (let next = plan.shift(); next; next = plan.shift()) {
      const { keyed, fault } = next;
      emulator.clear();
      emulator.addFault(fault);
      const gateways = [GATEWAYS['payam-resan'](emulator), GATEWAYS['niksms public-api'](emulator)];
      const messenger = new Messenger(gateways, SETTINGS);
      const messages = Array.from({ length: COUNT }, (_, index) => ({ ...message(index), ...(keyed && { key: `run:${index}` }) }));
      const report = await messenger.sendEach(messages);
      assert.equal(report.length, COUNT);
      const what = `${keyed ? 'keyed' : 'plain'}, ${JSON.stringify(fault)}`;
      unclear += judge(emulator, report, what).unclear;
      hit += wasHit(emulator, fault, what);
      // One of the two takes each, or had taken it, and says so in the end.
      const left = [...report.unclear, ...report.rejected].map(({ outcome, error }) => `${outcome}: ${error.message}`);
      if (fault.operations !== 'lookup') assert.deepEqual(left, [], what);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  t.diagnostic(`${runs} runs of ${COUNT} messages, ${hit} hit: 0 twice, 0 lost, 0 denied, ${unclear} unclear`);
});

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
