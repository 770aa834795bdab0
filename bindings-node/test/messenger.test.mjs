import assert from 'node:assert/strict';
import test from 'node:test';

import { AbortError, ConfigurationError, InvalidInputError, Messenger, NikSms, PayamResan, traceIdFromKey } from '../dist/esm/index.js';
import { bothOn, emulate, messengerOn, numbers, until } from './support.mjs';

const TO = '09121112222';

test('one text to many: a receipt a message, in input order', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const to = numbers(250);
  to[100] = '0912111';
  const progress = [];
  const report = await messenger.send('سلام', to, { onProgress: (now) => progress.push(now) });
  assert.equal(report.length, 250);
  assert.deepEqual(report.counts, { accepted: 249, rejected: 1, unclear: 0 });
  assert.deepEqual(report.toArray().map((receipt) => receipt.to), to);
  assert.equal(report.at(-1).to, to[249]);
  assert.equal(report.at(250), undefined);
  assert.equal(report.at(100).outcome, 'rejected');
  assert.ok(report.at(100).error instanceof InvalidInputError);
  assert.deepEqual(report.rejected.map((receipt) => receipt.traceId), [report.at(100).traceId]);
  assert.equal(report.accepted.length, 249);
  const [first] = report;
  assert.equal(first.gateway, 'payam-resan');
  assert.equal(typeof first.messageId, 'bigint');
  assert.equal(emulator.requestCount, 3);
  assert.deepEqual(progress.at(-1), { planned: 250, inFlight: 0, accepted: 249, rejected: 1, unclear: 0 });
});

test('any iterable of numbers, and a single one', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  assert.equal((await messenger.send('x', new Set(numbers(3)))).length, 3);
  assert.equal((await messenger.send('x', 9121112222)).at(0).to, TO);
  assert.equal((await messenger.send('x', 989121112222n)).at(0).to, TO);
  assert.equal((await messenger.send('x', [])).length, 0);
  assert.deepEqual((await messenger.send('x', [undefined, null, TO])).counts, { accepted: 1, rejected: 2, unclear: 0 });
  await assert.rejects(messenger.send('x', undefined).then((report) => Promise.reject(report.at(0).error)), InvalidInputError);
  await assert.rejects(messenger.send(undefined, TO), InvalidInputError);
  await assert.rejects(messenger.send('x', [1.5]), InvalidInputError);
});

test('a key keeps a message from going out twice', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const [receipt] = await messenger.send('سلام', TO, { key: 'order-981:paid' });
  assert.equal(receipt.traceId, traceIdFromKey('order-981:paid', TO));
  await messenger.send('سلام', TO, { key: 'order-981:paid' });
  assert.equal(emulator.registrations(receipt.traceId), 1);
  // In a list each message has a key of its own.
  const [listed] = await messenger.send('سلام', [TO], { key: 'campaign-7' });
  assert.equal(listed.traceId, traceIdFromKey('campaign-7', TO, 'list_member'));
  const [own] = await messenger.send('سلام', TO, { traceId: 42, once: true, sender: 50004041 });
  await messenger.send('سلام', TO, { traceId: 42n, once: true });
  assert.equal(own.traceId, 42n);
  assert.equal(emulator.registrations(42), 1);
  assert.equal(emulator.messages().at(-1).sender, '50004041');
  await assert.rejects(messenger.send('سلام', [TO, TO], { traceId: 43 }), InvalidInputError);
  const v2 = new Messenger([new NikSms(emulator.niksms({ dialect: 'v2' }))]);
  await assert.rejects(v2.send('سلام', TO, { key: 'a' }), ConfigurationError);
});

test('sendEach takes arrays, generators and async generators', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const rows = numbers(3).map((to, index) => ({ to, text: `سلام ${index}`, key: `k-${index}` }));
  async function* slowly() {
    for (const row of rows) yield row;
  }
  const first = await messenger.sendEach(rows);
  assert.deepEqual(first.counts, { accepted: 3, rejected: 0, unclear: 0 });
  await messenger.sendEach(slowly());
  await messenger.sendEach(rows.values());
  assert.equal(emulator.messageCount, 3);
  assert.deepEqual(emulator.messages().map(({ text }) => text), rows.map(({ text }) => text));
  const mixed = await messenger.sendEach([{ to: TO, text: '' }, { to: TO }, { to: TO, text: 'x' }]);
  assert.deepEqual(mixed.toArray().map(({ outcome }) => outcome), ['rejected', 'rejected', 'accepted']);
});

test('templates', async (t) => {
  const emulator = await emulate(t);
  const report = await bothOn(emulator).sendTemplate('verify', [{ to: TO, parameters: ['12345'] }]);
  assert.equal(report.counts.accepted, 1);
  assert.match(emulator.messages()[0].text, /12345/);
});

test('what is certainly not sent fails over', async (t) => {
  const emulator = await emulate(t);
  emulator.setCredit('payam-resan', 0);
  const [receipt] = await bothOn(emulator).send('سلام', TO);
  assert.deepEqual([receipt.outcome, receipt.gateway], ['accepted', 'niksms']);
});

test('aborting stops the work, and says what had become of each message', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator, { concurrency: 1 });
  emulator.addFault({ skip: 1, when: 'after', then: 'never' });
  const controller = new AbortController();
  const sending = messenger.send('سلام', numbers(300), { signal: controller.signal });
  await until(() => emulator.requestCount === 2);
  const reason = new Error('the deploy');
  controller.abort(reason);
  const error = await sending.then(assert.fail, (thrown) => thrown);
  assert.ok(error instanceof AbortError);
  assert.equal(error.cause, reason);
  assert.equal(error.outcome, 'unclear');
  assert.equal(error.receipts.length, 300);
  assert.deepEqual(error.receipts.counts, { accepted: 99, rejected: 102, unclear: 99 });
  assert.equal(emulator.requestCount, 2, 'nothing was begun afterwards');
});

test('an aborted signal sends nothing; a timeout of the call is an abort', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const error = await messenger.send('x', numbers(2), { signal: AbortSignal.abort() }).catch((thrown) => thrown);
  assert.deepEqual([error.name, error.cause.name, error.outcome], ['AbortError', 'AbortError', 'not_sent']);
  assert.equal(error.receipts.counts.rejected, 2);
  assert.equal(emulator.requestCount, 0);
  emulator.addFault({ then: 'never' });
  const late = await messenger.send('x', TO, { timeout: 50 }).catch((thrown) => thrown);
  assert.deepEqual([late.name, late.cause.name], ['AbortError', 'TimeoutError']);
});

test('track follows each message until it is final', async (t) => {
  const emulator = await emulate(t, { speed: 0 });
  const messenger = bothOn(emulator);
  const report = await messenger.send('سلام', [TO, '09121112299', 'nobody']);
  emulator.advance(60_000);
  const states = new Map();
  for await (const change of messenger.track(report, { firstLook: 0, interval: 1 })) {
    states.set(change.index, change.status?.delivery.state ?? change.error.code);
    assert.equal(change.traceId, report.at(change.index).traceId);
  }
  assert.deepEqual([...states].sort(), [[0, 'delivered'], [1, 'failed'], [2, 'INVALID_INPUT']]);
  // What a database kept will do as well.
  const kept = JSON.parse(JSON.stringify(report));
  const [first, second, third] = await messenger.delivery(kept);
  assert.equal(first.status.delivery.state, 'delivered');
  assert.equal(second.status.delivery.reason, 'unreachable');
  assert.ok(third.error);
  assert.equal((await messenger.delivery([{ to: TO, gateway: 'payam-resan', traceId: report.at(0).traceId }]))[0].messageId, report.at(0).messageId);
});

test('track: leaving the loop, aborting, a deadline', async (t) => {
  const emulator = await emulate(t, { speed: 0 });
  const messenger = messengerOn(emulator);
  const report = await messenger.send('سلام', numbers(3));
  for await (const change of messenger.track(report, { firstLook: 0, interval: 1 })) {
    assert.equal(change.status.delivery.state, 'queued');
    break;
  }
  const controller = new AbortController();
  const loop = (async () => {
    for await (const change of messenger.track(report, { firstLook: 0, interval: 3_600_000, signal: controller.signal })) void change;
  })();
  const before = emulator.requestCount;
  await until(() => emulator.requestCount > before);
  controller.abort('enough');
  await assert.rejects(loop, { name: 'AbortError', cause: 'enough', operation: 'track' });
  let timedOut = 0;
  for await (const change of messenger.track(report, { firstLook: 0, interval: 1, deadline: 5 })) if (change.timedOut) timedOut += 1;
  assert.equal(timedOut, 3);
});

test('receive hands out incoming messages of all gateways', async (t) => {
  const emulator = await emulate(t);
  const messenger = bothOn(emulator);
  emulator.receive({ from: TO, to: '30004040', text: 'یک' });
  emulator.receive({ from: TO, to: '50001234', text: 'دو' });
  const got = [];
  for await (const message of messenger.receive({ interval: 1 })) {
    got.push([message.gateway, message.text]);
    if (got.length === 2) break;
  }
  assert.deepEqual(got.sort(), [['niksms', 'دو'], ['payam-resan', 'یک']]);
  emulator.addFault({ operations: 'GetInbox', times: null, then: { status: 503 } });
  const failures = [];
  const controller = new AbortController();
  const loop = (async () => {
    const onError = (error) => {
      failures.push(error);
      controller.abort();
    };
    for await (const message of messenger.receive({ interval: 1, signal: controller.signal, onError })) void message;
  })();
  await assert.rejects(loop, AbortError);
  assert.equal(failures[0].code, 'UNAVAILABLE');
  await assert.rejects(async () => {
    for await (const message of messenger.receive({ interval: 1 })) void message;
  }, { code: 'UNAVAILABLE' });
});

test('balance: a gateway that cannot be asked has an error in its place', async (t) => {
  const emulator = await emulate(t, { credit: 1234 });
  const messenger = bothOn(emulator);
  emulator.addFault({ gateway: 'niksms', operations: 'any', times: null, then: { status: 500 } });
  const [payamResan, niksms] = await messenger.balance();
  assert.equal(payamResan.credit, 1234);
  assert.deepEqual([niksms.gateway, niksms.credit, niksms.error.code], ['niksms', null, 'UNAVAILABLE']);
});

test('close waits for sends and ends loops', async (t) => {
  const emulator = await emulate(t);
  const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
  emulator.addFault({ then: { delayMs: 50 } });
  const sending = messenger.send('سلام', TO);
  const loop = (async () => {
    for await (const message of messenger.receive()) void message;
  })();
  await messenger.close();
  assert.equal((await sending).counts.accepted, 1);
  await loop;
  await assert.rejects(messenger.send('x', TO), ConfigurationError);
});

test('a loop that begins after the messenger was closed says so', async (t) => {
  const emulator = await emulate(t);
  const messenger = messengerOn(emulator);
  const report = await messenger.send('سلام', TO);
  const loops = { track: messenger.track(report, { firstLook: 0, interval: 1 }), receive: messenger.receive({ interval: 1 }) };
  await messenger.close();
  const before = emulator.requestCount;
  for (const [operation, loop] of Object.entries(loops)) {
    await assert.rejects(loop.next(), { name: 'ConfigurationError', message: `${operation}: it was closed. Nothing was sent.` });
  }
  assert.equal(emulator.requestCount, before);
});
