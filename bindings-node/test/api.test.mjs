import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import test from 'node:test';
import { inspect } from 'node:util';

import * as payamak from '../dist/esm/index.js';
import { emulate, messengerOn, serve } from './support.mjs';

const { AbortError, ConfigurationError, CreditError, GatewayError, InvalidInputError, NikSms, PayamakError, PayamResan } = payamak;
const require = createRequire(import.meta.url);
const TO = '09121112222';

test('one version everywhere', () => {
  const { version } = require('../package.json');
  const [, workspace] = /^\[workspace\.package\]\nversion = "(.+)"/m.exec(readFileSync(new URL('../../Cargo.toml', import.meta.url), 'utf8'));
  assert.equal(version, workspace);
  assert.equal(payamak.version, workspace);
  assert.equal(require('../package-lock.json').version, workspace);
  for (const target of ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'linux-arm64-musl', 'darwin-x64', 'darwin-arm64', 'win32-x64-msvc', 'win32-arm64-msvc']) {
    const platform = require(`../npm/${target}/package.json`);
    assert.equal(platform.version, workspace);
    assert.equal(platform.name, `payamak-${target}`);
    assert.deepEqual(platform.files, [platform.main, 'LICENSE', 'THIRD-PARTY-NOTICES.txt', 'payamak.cdx.json']);
  }
});

test('the license in the package is the one of the repository', () => {
  const text = (place) => readFileSync(new URL(place, import.meta.url), 'utf8');
  assert.equal(text('../LICENSE'), text('../../LICENSE'));
});

test('both builds export the same', () => {
  const cjs = require('../dist/cjs/index.js');
  assert.deepEqual(Object.keys(cjs).sort(), Object.keys(payamak).sort());
});

test('every operation sends', async (t) => {
  const emulator = await emulate(t, { speed: 0 });
  const gateway = new PayamResan(emulator.payamResan());
  const [plain] = await gateway.send('سلام', [TO]);
  const [bulk] = await gateway.sendBulk('سلام', [{ to: TO, traceId: 2n ** 62n }]);
  assert.equal(bulk.traceId, 2n ** 62n);
  const [first, second] = await gateway.sendMultiple([{ to: TO, text: 'الف', traceId: 1 }, { to: 9121113333, text: 'ب', traceId: '2', sender: 50004041 }]);
  assert.deepEqual([first.traceId, second.traceId], [1n, 2n]);
  const [template] = await gateway.sendTokenSingle('verify', TO, ['12345']);
  assert.match(template.text, /12345/);
  assert.doesNotMatch(inspect(template), /12345/);
  const [multi] = await gateway.sendTokenMulti('welcome', [{ to: TO, parameters: ['علی', 'پیامک'], traceId: 3 }]);
  assert.equal(multi.traceId, 3n);
  const templates = await gateway.tokenList();
  assert.ok(templates.some(({ key, status }) => key === 'verify' && status.name === 'approved'));
  emulator.advance(60_000);
  const [status] = await gateway.statusById([plain.messageId]);
  assert.equal(status.status.delivery.state, 'delivered');
  assert.equal(status.status.delivery.isFinal, true);
  const [byTrace] = await gateway.statusByTraceId([2n ** 62n]);
  assert.equal(byTrace.messageId, bulk.messageId);
  assert.deepEqual((await gateway.accountInfo()).senderLines, ['30004040', '50004041']);
  const id = emulator.receive({ from: TO, to: '30004040', text: 'لغو۱۱' });
  const [incoming] = await gateway.getInbox();
  assert.equal(incoming.messageId, id);
  assert.equal(incoming.text, 'لغو۱۱');
  assert.ok(!inspect(incoming).includes('لغو۱۱') && !/9121112222/.test(inspect(incoming)), inspect(incoming));
  assert.match(await gateway.raw('AccountInfo'), /"Credit"/i);

  const niksms = new NikSms(emulator.niksms());
  const batch = await niksms.groupSms('سلام', [{ to: TO, traceId: 77 }]);
  assert.equal(batch.status.name, 'successful');
  const ptp = await niksms.ptpSms([{ to: TO, text: 'الف' }], { sendAt: '2026-12-01T08:30' });
  assert.equal(typeof ptp.messageIds[0], 'bigint');
  const [delivery] = await niksms.getSmsDelivery(batch.messageIds);
  assert.equal(delivery.messageId, batch.messageIds[0]);
  assert.equal((await niksms.getSmsDeliveryWithClientId(77)).messageId, batch.messageIds[0]);
  assert.equal(typeof (await niksms.getCredit()), 'number');
  assert.equal(typeof (await niksms.getDiscountCredit()), 'number');
  await niksms.getPanelExpireDate();
  assert.equal(typeof (await niksms.getServerTime()), 'string');
  assert.ok((await niksms.getSenderNumbers()).includes('50001234'));
  emulator.receive({ from: TO, to: '50001234', text: 'بله' });
  assert.equal((await niksms.getReceiveSms({ from: new Date(0) })).length, 1);
  assert.equal(await niksms.resetReceiveSmsVisitedStatus(), true);
  assert.match(await niksms.raw('GetCredit'), /\d/);

  const web = new NikSms(emulator.niksms({ dialect: 'web-service' }));
  assert.equal((await web.sendOne('سلام', TO, { traceId: 5n })).messageIds.length, 1);
  assert.equal((await web.sendOtp('رمز: ۱۲۳۴', TO)).messageIds.length, 1);
  const v2 = new NikSms(emulator.niksms({ dialect: 'v2' }));
  const one = await v2.sendOne('سلام', TO);
  assert.equal((await v2.getSmsDelivery(one.messageIds)).length, 1);
  const soap = new NikSms(emulator.niksms({ dialect: 'soap' }));
  assert.equal((await soap.groupSms('سلام', [TO])).messageIds.length, 1);
});

test('ids are exact, or refused', async (t) => {
  const emulator = await emulate(t);
  const gateway = new PayamResan(emulator.payamResan());
  for (const traceId of [2n ** 63n - 1n, '9223372036854775807', ' ۷۷ ', Number.MAX_SAFE_INTEGER]) {
    const [sent] = await gateway.sendBulk('سلام', [{ to: TO, traceId }]);
    assert.equal(typeof sent.traceId, 'bigint');
  }
  const before = emulator.requestCount;
  const bad = [2 ** 53, 1.5, Number.NaN, 2n ** 63n, '1.5', '', 'seven', true, {}, 0, -1];
  for (const traceId of bad) {
    await assert.rejects(gateway.sendBulk('سلام', [{ to: TO, traceId }]), (error) => {
      assert.ok(error instanceof InvalidInputError);
      assert.equal(error.field, 'recipients[0].traceId');
      return true;
    }, `${String(traceId)}`);
  }
  for (const id of [2n ** 63n, -(2n ** 63n) - 1n, 2 ** 53, 1.5, 'seven', true, undefined]) {
    await assert.rejects(gateway.statusById([1n, id]), { code: 'INVALID_INPUT', field: 'ids[1]' }, `${String(id)}`);
  }
  await assert.rejects(gateway.statusByTraceId('12'), { code: 'INVALID_INPUT', field: 'traceIds' });
  const messenger = messengerOn(emulator);
  await assert.rejects(messenger.sendEach([{ to: TO, text: 'x' }, { to: TO, text: 'x', traceId: 2 ** 60 }]), {
    name: 'InvalidInputError', code: 'INVALID_INPUT', field: 'messages[1].traceId',
  });
  assert.equal(emulator.requestCount, before);
});

test('rows of one status share it, and nobody can change it', async (t) => {
  const emulator = await emulate(t, { speed: 0 });
  const gateway = new PayamResan(emulator.payamResan());
  const [sent] = await gateway.sendBulk('سلام', [{ to: TO, traceId: 2n ** 62n + 1n }]);
  for (const ids of [[sent.messageId], new Set([sent.messageId, 77n]), [String(sent.messageId)]]) {
    const rows = await gateway.statusById(ids);
    assert.deepEqual([rows[0].messageId, rows[0].traceId], [sent.messageId, 2n ** 62n + 1n]);
    assert.equal(rows[0].status, (await gateway.statusByTraceId([2n ** 62n + 1n]))[0].status);
    assert.throws(() => (rows[0].status.name = 'mine'), TypeError);
    assert.throws(() => (rows[0].status.delivery.state = 'delivered'), TypeError);
    assert.equal(JSON.parse(JSON.stringify(rows))[0].status.name, rows[0].status.name);
  }
});

test('JSON.stringify of every result works', async (t) => {
  const emulator = await emulate(t);
  const gateway = new PayamResan(emulator.payamResan());
  const niksms = new NikSms(emulator.niksms());
  const messenger = messengerOn(emulator);
  const report = await messenger.send('سلام', [TO, 'nobody']);
  const results = [
    await gateway.sendBulk('سلام', [{ to: TO, traceId: 9007199254740993n }]), await gateway.tokenList(), await gateway.accountInfo(),
    await niksms.groupSms('سلام', [TO]), await niksms.getCredit(), report, report.toArray(), await messenger.delivery(report),
    await messenger.balance(), gateway, niksms, messenger,
  ];
  assert.match(JSON.stringify(results), /"traceId":"9007199254740993"/);
  assert.equal(JSON.parse(JSON.stringify(report))[0].messageId, String(report.at(0).messageId));
});

test('secrets, numbers and texts stay out of what is printed', async (t) => {
  const emulator = await emulate(t, { payamResanKey: 'very-secret-key', niksmsUsername: 'user', niksmsPassword: 'very-secret-password' });
  const gateway = new PayamResan(emulator.payamResan({ extraCaPem: undefined }));
  const niksms = new NikSms(emulator.niksms());
  const messenger = new payamak.Messenger([gateway, niksms]);
  const report = await messenger.send('متن محرمانه', [TO, '0912111222']);
  emulator.setFaults([{ operations: 'any', then: 'html' }]);
  const error = await gateway.sendBulk('متن محرمانه', [TO]).catch((reason) => reason);
  assert.equal(error.outcome, 'unclear');
  const things = [gateway, niksms, messenger, report, report.toArray(), error, report.at(1).error, { gateway, deep: [{ niksms }] }];
  const shown = things.flatMap((thing) => [inspect(thing, { depth: 9, showHidden: false }), String(thing)]);
  shown.push(JSON.stringify([gateway, niksms, messenger, error, report.at(1).error]));
  for (const text of shown) assert.doesNotMatch(text, /very-secret|محرمانه|121112222|0912111222/);
  // There for who asks.
  assert.equal(report.at(1).error.value, '0912111222');
  assert.equal(report.at(0).to, TO);
});

test("the gateway's own words are for who asks, and nothing else shows them", async (t) => {
  const words = 'عبارت ممنوع در متن مشتری';
  const { url } = await serve(t, () => JSON.stringify({ Success: false, ErrorCode: 9, Error: words, Result: null }));
  const gateway = new PayamResan({ apiKey: 'demo-key', sender: 30004040, baseUrl: url });
  const own = await gateway.sendBulk('سلام', [TO]).then(assert.fail, (reason) => reason);
  const [{ error: ofReceipt }] = await new payamak.Messenger(gateway).send('سلام', TO);
  const [{ error: ofBalance }] = await new payamak.Messenger(gateway).balance();
  for (const error of [own, ofReceipt, ofBalance]) {
    const { gatewayText, bodyExcerpt, message, stack } = error;
    assert.deepEqual([error.code, gatewayText, bodyExcerpt], ['REQUEST', words, null]);
    const shown = [
      message, stack, String(error), inspect(error), inspect(error, { showHidden: true, depth: 9 }), inspect({ ...error }), JSON.stringify(error),
      JSON.stringify(error.toObject()), inspect(structuredClone(error)),
    ];
    for (const text of shown) assert.ok(!text.includes('ممنوع'), text);
    assert.deepEqual(error.toJSON(), error.toObject());
    assert.deepEqual(error.toObject({ private: true }), { ...error.toObject(), gatewayText: words, value: null, bodyExcerpt: null });
  }
});

test('what may be personal of a bad value or a bad answer is there for who asks', async (t) => {
  const { url } = await serve(t, () => '<html>مشتری گرامی</html>');
  const gateway = new PayamResan({ apiKey: 'demo-key', sender: 30004040, baseUrl: url });
  const unread = await gateway.sendBulk('سلام', [TO]).then(assert.fail, (reason) => reason);
  assert.match(unread.bodyExcerpt, /مشتری گرامی/);
  const refused = await gateway.sendBulk('سلام', ['0912111222']).then(assert.fail, (reason) => reason);
  assert.equal(refused.value, '0912111222');
  for (const [error, name, value] of [[unread, 'bodyExcerpt', unread.bodyExcerpt], [refused, 'value', '0912111222']]) {
    assert.equal(error.toObject({ private: true })[name], value);
    assert.ok(!(name in error.toJSON()) && !(name in error.toObject({ private: false })) && !Object.keys(error).includes(name));
    for (const text of [inspect(error, { showHidden: true }), JSON.stringify(error)]) assert.doesNotMatch(text, /مشتری|0912111222/);
  }
});

test('a raw call stays below the address, and carries the credentials once', async (t) => {
  const { url, requests } = await serve(t, () => '{"Success":true,"Result":1}');
  const gateway = new PayamResan({ apiKey: 'demo-key', baseUrl: url });
  const niksms = new NikSms({ username: 'demo', password: 'demo-password', baseUrl: url });
  for (const path of ['../../../admin', '/admin', 'a//b', 'a?ApiKey=other', 'https://other.example/admin', '']) {
    for (const client of [gateway, niksms]) {
      await assert.rejects(client.raw(path), { name: 'InvalidInputError', field: 'path', operation: 'raw', outcome: 'not_sent' }, path);
    }
  }
  await assert.rejects(gateway.raw('Any', { apikey: 'other' }), { name: 'InvalidInputError', field: 'fields.apikey' });
  await assert.rejects(niksms.raw('Any', { username: 'other' }), { name: 'InvalidInputError', field: 'fields.username' });
  assert.deepEqual(requests, []);
  assert.equal(await gateway.raw('Account/Info.v2', { Text: 'سلام' }), '1');
  assert.equal(requests.length, 1);
});

test('what XML cannot carry is refused by the name of its setting', () => {
  const settings = { dialect: 'soap', username: 'demo', password: 'demo-password', sender: '50001234', baseUrl: 'http://127.0.0.1:1' };
  for (const name of ['username', 'password', 'sender']) {
    assert.throws(() => new NikSms({ ...settings, [name]: 'demo\u001b' }), (error) => {
      assert.deepEqual([error.name, error.field], ['ConfigurationError', name]);
      assert.ok(!error.message.includes('demo'), error.message);
      return true;
    });
  }
});

test('errors are classes with fields', async (t) => {
  const emulator = await emulate(t, { credit: 0 });
  const gateway = new PayamResan(emulator.payamResan({ name: 'main' }));
  let error;
  try {
    await gateway.sendBulk('سلام', [TO]);
  } catch (reason) {
    error = reason;
  }
  assert.ok(error instanceof CreditError && error instanceof GatewayError && error instanceof PayamakError && error instanceof Error);
  assert.ok(!(error instanceof InvalidInputError));
  assert.equal(error.name, 'CreditError');
  assert.equal(error.code, 'CREDIT');
  assert.equal(error.gateway, 'main');
  assert.equal(error.operation, 'sendBulk');
  assert.deepEqual({ ...error.gatewayCode }, { code: 19, name: 'credit_too_low', wireName: error.gatewayCode.wireName });
  assert.equal(error.outcome, 'not_sent');
  assert.equal(error.retry, 'never');
  assert.ok(error.hint.en && error.hint.fa);
  assert.ok(payamak.isPayamakError(error, 'CREDIT') && !payamak.isPayamakError(error, 'LIMIT') && !payamak.isPayamakError(new Error('x')));
  assert.match(error.stack, /api\.test\.mjs/);

  // The other build, as a bundle or a second copy would be.
  const cjs = require('../dist/cjs/index.js');
  assert.notEqual(cjs.CreditError, CreditError);
  assert.ok(error instanceof cjs.CreditError && error instanceof cjs.PayamakError && !(error instanceof cjs.LimitError));
  class Mine extends PayamakError {}
  assert.ok(!(error instanceof Mine));

  assert.throws(() => new PayamResan({}), (reason) => reason instanceof ConfigurationError && reason.field === 'apiKey');
  assert.throws(() => new NikSms({ username: 'x', password: 'y', dialect: 'telegram' }), ConfigurationError);
  assert.throws(() => new PayamResan({ apiKey: 'x', baseUrl: 'http://example.com/' }), ConfigurationError);
  assert.throws(() => new PayamResan({ apiKey: 'x', aipKey: 'x' }), ConfigurationError);
  assert.throws(() => new payamak.Messenger([]), ConfigurationError);
  assert.throws(() => new payamak.Messenger([{}]), InvalidInputError);
  await assert.rejects(gateway.sendBulk('half \ud83d', [TO]), InvalidInputError);
  await assert.rejects(gateway.sendBulk(7, [TO]), InvalidInputError);
  await assert.rejects(gateway.sendBulk('x', TO), InvalidInputError);
});

test('fromEnv: an argument beats the environment', async (t) => {
  const emulator = await emulate(t);
  process.env.PAYAM_RESAN_API_KEY = 'wrong';
  process.env.PAYAM_RESAN_SENDER = '50004041';
  t.after(() => {
    delete process.env.PAYAM_RESAN_API_KEY;
    delete process.env.PAYAM_RESAN_SENDER;
  });
  const gateway = PayamResan.fromEnv({ apiKey: 'demo-key', baseUrl: emulator.url });
  await gateway.sendBulk('سلام', [TO]);
  assert.equal(emulator.messages()[0].sender, '50004041');
  await assert.rejects(PayamResan.fromEnv({ baseUrl: emulator.url }).accountInfo(), { code: 'AUTHENTICATION' });
});

test('a client in the other build works in a messenger of this one', async (t) => {
  const emulator = await emulate(t);
  const { PayamResan: Other } = require('../dist/cjs/index.js');
  const messenger = new payamak.Messenger(new Other(emulator.payamResan()));
  assert.equal((await messenger.send('سلام', TO)).counts.accepted, 1);
});

test('a signal stops a call, and a timeout is an error of its own', async (t) => {
  const emulator = await emulate(t);
  const gateway = new PayamResan(emulator.payamResan());
  emulator.setFaults([{ operations: 'any', times: null, then: 'never' }]);
  const reason = new Error('the user went away');
  await assert.rejects(gateway.sendBulk('سلام', [TO], { signal: AbortSignal.abort(reason) }), (error) => {
    assert.ok(error instanceof AbortError);
    assert.deepEqual([error.name, error.code, error.cause, error.outcome], ['AbortError', 'ABORT_ERR', reason, 'not_sent']);
    return true;
  });
  assert.equal(emulator.requestCount, 0);
  const controller = new AbortController();
  let noticed = 0;
  controller.signal.onabort = () => (noticed += 1);
  const call = gateway.sendBulk('سلام', [TO], { signal: controller.signal });
  const { until } = await import('./support.mjs');
  await until(() => emulator.requestCount === 1);
  controller.abort(reason);
  await assert.rejects(call, { name: 'AbortError', outcome: 'unclear', retry: 'check_first', cause: reason });
  assert.equal(noticed, 1, "the user's own handler still runs");
  await assert.rejects(gateway.sendBulk('سلام', [TO], { timeout: 50 }), { name: 'TimeoutError', outcome: 'unclear' });
  await assert.rejects(gateway.accountInfo({ timeout: -1 }), InvalidInputError);
});

test('closing waits for what is under way, and refuses what comes later', async (t) => {
  const emulator = await emulate(t);
  const gateway = new PayamResan(emulator.payamResan());
  emulator.addFault({ then: { delayMs: 50 } });
  const sending = gateway.sendBulk('سلام', [TO]);
  let sent = false;
  void sending.then(() => (sent = true));
  await gateway[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]();
  assert.ok(sent);
  await assert.rejects(gateway.accountInfo(), { name: 'ConfigurationError', message: 'accountInfo: it was closed. Nothing was sent.' });
});

test('what was closed keeps neither credentials nor connections', async (t) => {
  const { url, connections } = await serve(t, () => '{"Success":true,"Result":{"Credit":1,"AvailableSenders":[]}}');
  const gateway = new PayamResan({ apiKey: 'demo-key', baseUrl: url, name: 'main' });
  const messenger = new payamak.Messenger(gateway);
  await gateway.accountInfo();
  const [connection] = connections;
  await gateway.close();
  await gateway.close();
  assert.equal(inspect(gateway), 'main (closed)');
  assert.deepEqual([gateway.name, JSON.stringify(gateway)], ['main', '{"name":"main"}']);
  assert.throws(() => new payamak.Messenger(gateway), { name: 'ConfigurationError', message: 'main was closed. Nothing was sent.' });
  // The messenger has its own hold on it, until it is closed as well.
  assert.equal((await messenger.balance())[0].credit, 1);
  const closed = connection.destroyed ? undefined : once(connection, 'close');
  await messenger.close();
  await messenger.close();
  await closed;
  for (const call of [() => messenger.balance(), () => messenger.delivery([]), () => messenger.send('سلام', TO), async () => messenger.receive()]) {
    await assert.rejects(call(), { name: 'ConfigurationError', message: /: it was closed\. Nothing was sent\.$/ });
  }
});

test('the emulator answers to the names that are allowed', async (t) => {
  const ask = async (emulator, host) => {
    const asking = request(new URL('/_emulator/messages', emulator.url), { headers: { host } }).end();
    const [answer] = await once(asking, 'response');
    answer.resume();
    return answer.statusCode;
  };
  const strict = await emulate(t);
  assert.deepEqual([await ask(strict, 'localhost'), await ask(strict, 'sms.example')], [200, 421]);
  const open = await emulate(t, { allowHosts: ['sms.example', 'other.example'] });
  assert.deepEqual([await ask(open, 'sms.example:8080'), await ask(open, 'other.example'), await ask(open, 'third.example')], [200, 200, 421]);
});

test('the emulator refuses texts and numbers, is behind in its books, and says which faults are left', async (t) => {
  const emulator = await emulate(t, { speed: 0, lookupLag: 5000, pollingRule: 60_000, pollingRuleForUnknownIds: true });
  const messenger = messengerOn(emulator, { settle: 0, budget: 1000 });
  emulator.refuseText('وام');
  emulator.refuseNumber('+98 912 111 3333');
  assert.throws(() => emulator.refuseNumber('0912'), Error);
  const report = await messenger.sendEach([
    { to: TO, text: 'سلام' }, { to: TO, text: 'وام فوری' }, { to: '09121113333', text: 'سلام' },
  ]);
  assert.deepEqual(report.toArray().map(({ outcome }) => outcome), ['accepted', 'rejected', 'rejected']);
  const gateway = new PayamResan(emulator.payamResan());
  const { traceId, messageId } = report.at(0);
  assert.equal((await gateway.statusByTraceId([traceId]))[0].status.delivery.state, 'not_found', 'its books are behind');
  await assert.rejects(gateway.statusByTraceId([traceId]), { code: 'RATE_LIMIT' });
  emulator.advance(61_000);
  assert.equal((await gateway.statusByTraceId([traceId]))[0].messageId, messageId);
  emulator.clear();
  assert.equal((await messenger.send('وام فوری', '09121113333')).counts.accepted, 1, 'clear forgets what is refused');
  const faults = [
    { operations: 'send', gateway: null, skip: 0, times: 2, when: { laterMs: 50 }, then: { statusJson: 429 } },
    { operations: 'lookup', gateway: 'niksms', skip: 1, times: null, when: 'before', then: { halfTaken: 3 } },
    { operations: 'any', gateway: null, skip: 0, times: 1, when: 'after', then: { delayMs: 5 } },
  ];
  emulator.setFaults(faults);
  assert.deepEqual(emulator.pendingFaults(), faults);
});
