// What is promised of a send, through the public API against the emulator: deadlines, keys, what happens while a gateway is dead,
// and that nothing is taken silently that would disarm the promise.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'node:test';
import { inspect } from 'node:util';

import {
  AuthenticationError, ConfigurationError, ConnectError, InvalidInputError, Messenger, NikSms, PayamResan, TimeoutError, traceIdFromKey,
} from '../dist/esm/index.js';
import { bothOn, emulate, messengerOn, numbers, run } from './support.mjs';

const TO = '09121112222';
const DAY = 86_400_000;
// Far from what a gateway's own time limit (15 s) or a budget (60 s) would take, and with room for a busy machine.
const QUICKLY = 10_000;

async function timed(work) {
  const started = performance.now();
  const result = await work();
  return [result, performance.now() - started];
}

const never = (emulator) => emulator.setFaults([{ operations: 'any', times: null, then: 'never' }]);

/** An address where nobody listens. */
async function deadAddress() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}

test('a deadline ends a send with a report: unclear what had left, rejected what had not', async (t) => {
  const emulator = await emulate(t);
  never(emulator);
  const messenger = messengerOn(emulator, { concurrency: 1 });
  const [report, took] = await timed(() => messenger.send('سلام', numbers(250), { deadline: 400 }));
  assert.deepEqual(report.counts, { accepted: 0, rejected: 151, unclear: 99 });
  for (const { outcome, error } of report) {
    assert.ok(error instanceof TimeoutError);
    assert.equal(error.code, 'TIMEOUT');
    assert.equal(error.outcome, outcome === 'unclear' ? 'unclear' : 'not_sent');
    assert.ok(error.hint.en && error.hint.fa);
  }
  assert.ok(took >= 390 && took < QUICKLY, `it took ${took} ms`);
  t.diagnostic(`a deadline of 400 ms: ${took.toFixed(0)} ms`);
});

test('a deadline of the messenger holds for every send, and a send may have its own', async (t) => {
  const emulator = await emulate(t);
  never(emulator);
  const messenger = messengerOn(emulator, { deadline: 200 });
  const sends = {
    send: (options) => messenger.send('سلام', TO, options),
    sendEach: (options) => messenger.sendEach([{ to: TO, text: 'سلام' }], options),
    sendTemplate: (options) => messenger.sendTemplate('verify', [{ to: TO, parameters: ['12345'] }], options),
  };
  for (const [name, send] of Object.entries(sends)) {
    for (const options of [{}, { deadline: 100 }, { deadline: null }]) {
      const [[receipt], took] = await timed(() => send(options));
      assert.deepEqual([receipt.outcome, receipt.error.name], ['unclear', 'TimeoutError'], name);
      assert.ok(took < QUICKLY, `${name} took ${took} ms`);
    }
  }
  emulator.clear();
  const [receipt] = await messenger.send('سلام', TO, { deadline: DAY });
  assert.equal(receipt.outcome, 'accepted');
});

test('a deadline holds while the messages are still coming, and so do a signal and a timeout', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  let closed = 0;
  let stalled = () => {};
  const source = () => ({
    [Symbol.asyncIterator]: () => {
      let given = 0;
      const next = () => {
        if (given++ < 2) return Promise.resolve({ value: { to: TO, text: `سلام ${given}` } });
        stalled();
        return new Promise(() => {});
      };
      return { next, return: () => (closed += 1, new Promise(() => {})) };
    },
  });
  const [report, took] = await timed(() => messenger.sendEach(source(), { deadline: 200 }));
  assert.deepEqual(report.counts, { accepted: 0, rejected: 2, unclear: 0 });
  assert.ok(report.at(1).error instanceof TimeoutError && took < QUICKLY);
  const signal = () => {
    const controller = new AbortController();
    stalled = () => setImmediate(() => controller.abort());
    return { signal: controller.signal };
  };
  for (const options of [() => ({ timeout: 50 }), signal]) {
    const error = await messenger.sendEach(source(), options()).then(assert.fail, (thrown) => thrown);
    assert.deepEqual([error.name, error.outcome, error.receipts.counts.rejected], ['AbortError', 'not_sent', 2]);
    assert.equal(error.receipts.at(0).error.name, 'AbortError');
  }
  assert.equal(closed, 3, 'the source was told to stop');
  assert.equal(emulator.requestCount, 0);
  await messenger.close();
});

test('a source that fails fails the send, and one that gives a bad message is told to stop', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  let closed = 0;
  async function* rows(last) {
    try {
      yield { to: TO, text: 'سلام' };
      yield last();
    } finally {
      closed += 1;
    }
  }
  const broken = new Error('the database went away');
  await assert.rejects(messenger.sendEach(rows(() => { throw broken; })), broken);
  await assert.rejects(messenger.sendEach(rows(() => ({ to: TO, text: 7 })), { deadline: 60_000 }), { code: 'INVALID_INPUT', field: 'messages[1].text' });
  assert.equal(closed, 2);
  assert.equal(emulator.requestCount, 0);
});

test('a bad deadline is refused by name, and nothing is sent', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const gateway = new PayamResan(emulator.payamResan());
  for (const deadline of [0, -1, Number.NaN, Infinity, -Infinity, 2 * DAY, 1e300, '5000', true, 5n]) {
    const sends = [
      () => messenger.send('سلام', TO, { deadline }),
      () => messenger.send('سلام', [TO], { deadline, key: 'campaign-7' }),
      () => messenger.send('سلام', TO, { deadline, traceId: 7 }),
      () => messenger.sendEach([{ to: TO, text: 'سلام' }], { deadline }),
      () => messenger.sendTemplate('verify', [{ to: TO, parameters: ['1'] }], { deadline }),
    ];
    for (const send of sends) await assert.rejects(send, { name: 'InvalidInputError', field: 'deadline', outcome: 'not_sent' }, String(deadline));
    assert.throws(() => new Messenger([gateway], { deadline }), { name: 'ConfigurationError', field: 'deadline' }, String(deadline));
  }
  assert.equal(emulator.requestCount, 0);
});

test('settings that disarm the promise are refused by name', async (t) => {
  const emulator = await emulate(t);
  const gateway = new PayamResan(emulator.payamResan());
  const bad = {
    budget: [0, 10, Number.NaN, Infinity, '60 s'], settle: [Number.NaN, -1, 'x'], ask: ['all', 1, true], resend: ['no', 0], keySecret: ['', 7],
    rate: [0, Infinity, 0.5, 5n], concurrency: [0, 1.5, () => 1], attempts: [0, '4'],
  };
  for (const [field, values] of Object.entries(bad)) {
    for (const value of values) {
      assert.throws(() => new Messenger([gateway], { [field]: value }), { name: 'ConfigurationError', field }, `${field}: ${String(value)}`);
    }
  }
  assert.throws(() => new Messenger([gateway], { concurency: 5 }), (error) => error instanceof ConfigurationError && /concurency/.test(error.message));
  assert.throws(() => new Messenger([gateway], null), InvalidInputError);
  for (const [field, value] of [['timeout', 0], ['connectTimeout', 0], ['maxResponseBytes', 0], ['readAttempts', 0], ['timeout', Number.NaN]]) {
    assert.throws(() => new PayamResan(emulator.payamResan({ [field]: value })), { name: 'ConfigurationError', field }, `${field}: ${value}`);
  }
  new Messenger([gateway], { ask: 'every', resend: false, deadline: 1000, keySecret: 'a secret', budget: null });
});

test('options that there are not are refused: a misspelt key would be none', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  await assert.rejects(messenger.send('سلام', TO, { kye: 'order-981' }), { name: 'InvalidInputError', field: 'kye' });
  await assert.rejects(messenger.send('سلام', TO, 'order-981'), { name: 'InvalidInputError', field: 'options' });
  await assert.rejects(messenger.sendEach([{ to: TO, text: 'سلام' }], { traceId: 7 }), { name: 'InvalidInputError', field: 'traceId' });
  await assert.rejects(messenger.sendTemplate('verify', [], null), { name: 'InvalidInputError', field: 'options' });
  await assert.rejects(messenger.send('سلام', TO, { key: 7 }), { name: 'InvalidInputError', field: 'key' });
  await assert.rejects(messenger.send('سلام', TO, { once: 'yes' }), { name: 'InvalidInputError', field: 'once' });
  await assert.rejects(messenger.send('سلام', TO, { onProgress: 5 }), { name: 'InvalidInputError', field: 'onProgress' });
  assert.equal(emulator.requestCount, 0);
  assert.equal((await messenger.send('سلام', TO, { key: null, sender: undefined })).counts.accepted, 1);
});

test('one key, twenty calls at the same moment: one message, twenty receipts with one id', async (t) => {
  const emulator = await emulate(t);
  const client = new PayamResan(emulator.payamResan());
  const one = new Messenger([client]);
  const two = [new Messenger([client]), new Messenger([client])];
  const cases = {
    'one messenger': () => one,
    'two messengers over one client': (index) => two[index % 2],
  };
  for (const [name, messengerOf] of Object.entries(cases)) {
    emulator.setFaults([{ then: { delayMs: 30 } }]);
    const before = emulator.messageCount;
    const calls = Array.from({ length: 20 }, (_, index) => messengerOf(index).send('سلام', TO, { key: `order-981:${name}` }));
    const receipts = (await Promise.all(calls)).map((report) => report.at(0));
    assert.equal(emulator.messageCount - before, 1, name);
    assert.deepEqual([...new Set(receipts.map(({ outcome }) => outcome))], ['accepted'], name);
    assert.equal(new Set(receipts.map(({ messageId }) => messageId)).size, 1, name);
    assert.deepEqual([...new Set(receipts.map(({ traceId }) => traceId))], [traceIdFromKey(`order-981:${name}`, TO)], name);
    assert.equal(receipts.filter(({ replayed }) => !replayed).length, 1, name);
  }
});

test('one key for two recipients is two messages', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const [first, second] = await messenger.sendEach([TO, '09121113333'].map((to) => ({ to, text: 'سلام', key: 'order-981' })));
  assert.deepEqual([first.outcome, second.outcome], ['accepted', 'accepted']);
  assert.notEqual(first.traceId, second.traceId);
  assert.equal(emulator.messageCount, 2);
});

test('every kind of send takes a key, and a later run with it sends nothing', async (t) => {
  const emulator = await emulate(t);
  const key = 'campaign-7';
  const template = [{ to: TO, parameters: ['12345'] }];
  const sends = {
    single: [(messenger) => messenger.send('یک', TO, { key }), 'single'],
    list: [(messenger) => messenger.send('دو', [TO, '09121113333'], { key }), 'list_member'],
    'list with a line': [(messenger) => messenger.send('سه', ['09121114444'], { key, sender: 50004041 }), 'list_member'],
    sendEach: [(messenger) => messenger.sendEach([{ to: '09121115555', text: 'چهار' }], { key, sender: '50004041' }), 'list_member'],
    sendTemplate: [(messenger) => messenger.sendTemplate('verify', template, { key: 'login-7:1' }), 'list_member', 'login-7:1'],
    once: [(messenger) => messenger.send('پنج', TO, { traceId: 42, once: true })],
  };
  for (const [name, [send, kind, named = key]] of Object.entries(sends)) {
    const before = emulator.messageCount;
    const messenger = messengerOn(emulator);
    const first = await send(messenger);
    assert.equal(first.counts.accepted, first.length, name);
    assert.equal(emulator.messageCount - before, first.length, name);
    if (kind) for (const { to, traceId } of first) assert.equal(traceId, traceIdFromKey(named, to, kind), name);
    // The same messenger remembers; the one of a later run asks the gateway.
    for (const again of [messenger, messengerOn(emulator)]) {
      const second = await send(again);
      assert.deepEqual(second.toArray().map((receipt) => [receipt.outcome, receipt.replayed]), first.toArray().map(() => ['accepted', true]), name);
      assert.deepEqual(second.toArray().map(({ messageId }) => messageId), first.toArray().map(({ messageId }) => messageId), name);
    }
    assert.equal(emulator.messageCount - before, first.length, name);
  }
  assert.deepEqual(emulator.messages().filter(({ sender }) => sender === '50004041').map(({ text }) => text), ['سه', 'چهار']);
});

test('a message of its own key or trace id keeps it under the key of the call', async (t) => {
  const emulator = await emulate(t);
  const rows = [{ to: TO, text: 'الف', key: 'own' }, { to: TO, text: 'ب', traceId: 77 }, { to: TO, text: 'پ' }];
  const report = await messengerOn(emulator).sendEach(rows, { key: 'campaign-7' });
  assert.deepEqual(report.toArray().map(({ traceId }) => traceId), [traceIdFromKey('own', TO), 77n, traceIdFromKey('campaign-7', TO, 'list_member')]);
  const [both] = await messengerOn(emulator).send('سلام', TO, { key: 'a', traceId: 5 });
  assert.deepEqual([both.outcome, both.error.field], ['rejected', 'messages[0].key']);
});

test('a key used for another text is refused by name', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  await messenger.send('کد ورود: ۱۱۱۱۱', TO, { key: 'login-7' });
  const [again] = await messenger.send('کد ورود: ۲۲۲۲۲', TO, { key: 'login-7' });
  assert.equal(again.outcome, 'rejected');
  assert.ok(again.error instanceof InvalidInputError);
  assert.equal(again.error.field, 'key');
  const each = await messenger.sendEach([{ to: TO, text: 'سلام' }, { to: TO, text: 'کد ورود: ۳۳۳۳۳', key: 'login-7' }]);
  assert.deepEqual(each.toArray().map(({ outcome, error }) => [outcome, error?.field]), [['accepted', undefined], ['rejected', 'messages[1].key']]);
  assert.equal(emulator.messageCount, 2);
  // A new attempt is a new key.
  assert.equal((await messenger.send('کد ورود: ۲۲۲۲۲', TO, { key: 'login-7:2' })).counts.accepted, 1);
});

test('replayed stands in JSON, and is printed where it is true', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const [first] = await messenger.send('سلام', TO, { key: 'order-981' });
  const [second] = await messenger.send('سلام', TO, { key: 'order-981' });
  assert.deepEqual([first.replayed, second.replayed], [false, true]);
  assert.deepEqual(JSON.parse(JSON.stringify([first, second])).map(({ replayed }) => replayed), [false, true]);
  assert.doesNotMatch(inspect(first), /replayed/);
  assert.match(inspect(second), /replayed: true/);
});

test('a secret makes other ids of the same keys, and is printed nowhere', async (t) => {
  const emulator = await emulate(t);
  const keySecret = 'a very secret secret';
  const messenger = messengerOn(emulator, { keySecret });
  const [receipt] = await messenger.send('سلام', TO, { key: 'order-981' });
  assert.equal(receipt.traceId, traceIdFromKey('order-981', TO, 'single', keySecret));
  assert.notEqual(receipt.traceId, traceIdFromKey('order-981', TO));
  const shown = [messenger, receipt].flatMap((thing) => [inspect(thing, { depth: 9, showHidden: true }), JSON.stringify(thing)]);
  for (const text of shown) assert.doesNotMatch(text, /very secret/);
  // Where none is given the environment has it.
  const code = `
    import { Messenger, PayamResan } from '${new URL('../dist/esm/index.js', import.meta.url).href}';
    const messenger = new Messenger([new PayamResan(JSON.parse(process.env.SETTINGS))]);
    const [{ traceId, replayed }] = await messenger.send('سلام', '${TO}', { key: 'order-981' });
    console.log(String(traceId), replayed);
  `;
  const env = { ...process.env, SETTINGS: JSON.stringify(emulator.payamResan()), PAYAMAK_KEY_SECRET: keySecret };
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', code], { env });
  assert.deepEqual([stdout, stderr], [`${receipt.traceId} true\n`, '']);
});

test('traceIdFromKey names what is wrong', () => {
  const bad = { key: ['', TO], to: ['a', '0912'], kind: ['a', TO, 'list'], secret: ['a', TO, 'single', ''] };
  for (const [field, given] of Object.entries(bad)) {
    assert.throws(() => traceIdFromKey(...given), { name: 'InvalidInputError', field, operation: 'traceIdFromKey' }, field);
  }
  assert.throws(() => traceIdFromKey(7, TO), { field: 'key' });
  assert.throws(() => traceIdFromKey('a', TO, 'single', 7), { field: 'secret' });
  assert.equal(traceIdFromKey('a', 9121112222), traceIdFromKey('a', '+98 912 111 2222', 'single', null));
  assert.notEqual(traceIdFromKey('a', TO), traceIdFromKey('a', TO, 'list_member'));
});

test('a second gateway that is dead: asked first, it holds a key up; not asked, it holds nothing up', async (t) => {
  const emulator = await emulate(t);
  const address = await deadAddress();
  const gateways = () => [new PayamResan(emulator.payamResan()), new NikSms({ ...emulator.niksms(), baseUrl: address })];
  const [[held], took] = await timed(() => new Messenger(gateways()).send('سلام', TO, { key: 'order-981' }));
  assert.equal(held.outcome, 'unclear');
  assert.ok(held.error instanceof ConnectError);
  assert.equal(held.error.gateway, 'niksms');
  assert.ok(took < QUICKLY, `it took ${took} ms`);
  assert.equal(emulator.messageCount, 0);
  const [[sent], quick] = await timed(() => new Messenger(gateways(), { ask: 'first' }).send('سلام', TO, { key: 'order-981' }));
  assert.deepEqual([sent.outcome, sent.gateway, sent.replayed], ['accepted', 'payam-resan', false]);
  assert.ok(quick < QUICKLY, `it took ${quick} ms`);
  t.diagnostic(`every: unclear after ${took.toFixed(0)} ms; first: accepted after ${quick.toFixed(0)} ms`);
});

test('a wrong API key stops a send with a key at once, with the cause', async (t) => {
  const emulator = await emulate(t);
  const messenger = new Messenger([new PayamResan(emulator.payamResan({ apiKey: 'wrong' }))]);
  const [[receipt], took] = await timed(() => messenger.send('سلام', TO, { key: 'order-981' }));
  assert.ok(receipt.error instanceof AuthenticationError, inspect(receipt));
  assert.notEqual(receipt.outcome, 'accepted');
  assert.ok(took < QUICKLY, `it took ${took} ms`);
  assert.equal(emulator.messageCount, 0);
  t.diagnostic(`${receipt.outcome} after ${took.toFixed(0)} ms`);
});

test('without resending, what is not there stays unclear', async (t) => {
  const emulator = await emulate(t);
  emulator.addFault({ then: 'close' });
  const [receipt] = await messengerOn(emulator, { resend: false }).send('سلام', TO);
  assert.equal(receipt.outcome, 'unclear');
  assert.equal(emulator.messageCount, 0);
});

test('a line for a template is refused, a message at a time', async (t) => {
  const emulator = await emulate(t);
  const report = await messengerOn(emulator).sendTemplate('verify', [{ to: TO, parameters: ['1'] }], { sender: '30004040' });
  assert.deepEqual([report.at(0).outcome, report.at(0).error.name, report.at(0).error.field], ['rejected', 'InvalidInputError', 'recipients[0].sender']);
  assert.equal(emulator.requestCount, 0);
});

test('tracking without a pause is refused', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const report = await messenger.send('سلام', TO);
  for (const interval of [0, -1, Number.NaN, Infinity, '5', 5n]) {
    assert.throws(() => messenger.track(report, { interval }), { name: 'InvalidInputError', field: 'interval', operation: 'track' }, String(interval));
  }
  assert.throws(() => messenger.track(report, { firstLook: Number.NaN }), { name: 'InvalidInputError', field: 'firstLook' });
  assert.throws(() => messenger.receive({ interval: Number.NaN }), { name: 'InvalidInputError', field: 'interval' });
});

test('an unclear receipt without a gateway is asked for at every gateway', async (t) => {
  const emulator = await emulate(t, { speed: 0 });
  const [receipt] = await new Messenger([new NikSms(emulator.niksms())]).send('سلام', TO, { key: 'order-981' });
  emulator.advance(60_000);
  const messenger = bothOn(emulator);
  for (const kept of [{ to: TO, traceId: receipt.traceId }, { to: TO, traceId: receipt.traceId, gateway: null, outcome: 'unclear' }]) {
    const [report] = await messenger.delivery([kept]);
    assert.deepEqual([report.status?.delivery.isFinal, report.error], [true, null]);
    for await (const change of messenger.track([kept], { firstLook: 0, interval: 1 })) {
      assert.equal(change.status?.delivery.isFinal, true);
    }
  }
});

test('a callback that fails takes the report from nobody', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const warnings = [];
  const listen = (warning) => warnings.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const callbacks = [() => { throw new Error('the progress bar broke'); }, async () => { throw new Error('the progress bar broke'); }];
  for (const onProgress of callbacks) {
    const report = await messenger.send('سلام', numbers(250), { onProgress });
    assert.equal(report.counts.accepted, 250);
  }
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings.map(({ name }) => name), ['PayamakWarning', 'PayamakWarning']);
  assert.match(warnings[0].message, /the progress bar broke/);
});

test('a timeout of any size is taken', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  for (const timeout of [2999.99, 30 * DAY, 2 ** 32]) {
    assert.equal((await messenger.send('سلام', TO, { timeout })).counts.accepted, 1);
  }
});
