// Runs every case of core/conformance/cases through the public API, against the emulator's replay. What a case is, and what a
// runner checks, stands in core/conformance/README.md.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

import * as payamak from '../dist/esm/index.js';
import { Emulator } from '../dist/esm/testing.js';

const { NikSms, PayamResan, PayamakError } = payamak;
const folder = fileURLToPath(new URL('../../core/conformance/cases/', import.meta.url));
const ECHOES = JSON.parse(readFileSync(new URL('../../core/conformance/echoes.json', import.meta.url), 'utf8'));
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const BASE = {
  'payam-resan': { api_key: 'conformance-key', sender: '30004040' },
  niksms: { username: 'conformance-user', password: 'conformance-password', api_key: 'conformance-key', sender: '50001234' },
};

function client({ gateway, settings }, baseUrl) {
  const all = { ...BASE[gateway], base_url: baseUrl, read_attempts: 1, ...settings };
  const given = {};
  for (const [name, value] of Object.entries(all)) {
    // Ours are milliseconds, as all times in JavaScript; a case's are seconds.
    if (value !== null) given[camel(name)] = name === 'timeout' ? value * 1000 : value;
  }
  return gateway === 'niksms' ? new NikSms(given) : new PayamResan(given);
}

/** Arguments of a case in the order in which the methods take them; what is not among them goes into the options. */
const POSITIONS = {
  send: ['text', 'recipients'],
  send_bulk: ['text', 'recipients'],
  send_multiple: ['messages'],
  send_token_single: ['template', 'to', 'parameters'],
  send_token_multi: ['template', 'recipients'],
  status_by_id: ['ids'],
  status_by_trace_id: ['trace_ids'],
  group_sms: ['text', 'recipients'],
  ptp_sms: ['messages'],
  send_one: ['text', 'to'],
  send_otp: ['text', 'to'],
  get_sms_delivery: ['ids'],
  get_sms_delivery_with_client_id: ['trace_id'],
  msisdn: ['number'],
  segments: ['text', 'profile'],
  trace_id_from_key: ['key', 'to', 'kind', 'secret'],
};

function camelKeys(value) {
  if (Array.isArray(value)) return value.map(camelKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camel(key), camelKeys(item)]));
}

async function call(theCase, baseUrl) {
  const { operation, arguments: given } = theCase.call;
  const positions = POSITIONS[operation] ?? [];
  const values = positions.map((name) => camelKeys(given[name]));
  const rest = Object.entries(given).filter(([name]) => !positions.includes(name));
  if (theCase.gateway === null) {
    assert.deepEqual(rest, []);
    return payamak[camel(operation)](...values);
  }
  return client(theCase, baseUrl)[camel(operation)](...values, camelKeys(Object.fromEntries(rest)));
}

/** A result of ours as canonical JSON. */
function canonical(value) {
  const plain = JSON.parse(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)) ?? 'null');
  const rename = (item) => {
    if (Array.isArray(item)) return item.map(rename);
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(Object.entries(item).map(([key, inner]) => [key === 'forcedUcs2' ? 'forced_ucs2' : snake(key), rename(inner)]));
  };
  return rename(plain);
}

function canonicalError(error) {
  return {
    type: error.name,
    gateway: error.gateway,
    operation: error.operation === null ? null : snake(error.operation),
    code: error.gatewayCode?.code ?? null,
    name: error.gatewayCode?.name ?? null,
    wire_name: error.gatewayCode?.wireName ?? null,
    gateway_text: error.gatewayText,
    field: error.field === null ? null : snake(error.field),
    http_status: error.httpStatus,
    outcome: error.outcome,
    retry: error.retry,
  };
}

/** What no error may show: credentials, numbers, texts. What is too short to be recognised does not count. */
function secrets(theCase) {
  const found = ['conformance-key', 'conformance-password'];
  const visit = (value, key) => {
    if (Array.isArray(value)) for (const item of value) visit(item, key);
    else if (typeof value === 'object' && value !== null) for (const [name, item] of Object.entries(value)) visit(item, name);
    else if (typeof value === 'string' && ['to', 'recipients', 'text', 'parameters', 'number', 'secret'].includes(key) && [...value].length >= 4) {
      found.push(value);
      try {
        found.push(payamak.msisdn(value).national.slice(1));
      } catch {
        // Not a number: the text itself is what may not show.
      }
    }
  };
  visit(theCase.call.arguments, '');
  return found;
}

/** Everything that an error prints or turns into. */
function shownOf(error) {
  const { message, stack } = error;
  return [message, stack, String(error), inspect(error), inspect(error, { showHidden: true, depth: 9 }), JSON.stringify(error), JSON.stringify({ ...error })];
}

/** Nothing of what the gateway repeats shows, and what is kept of its words is cleaned. */
function checkEcho(theCase, error) {
  const hides = (what, text, entries) => {
    for (const entry of entries) assert.ok(!text.includes(entry), `${what} shows ${JSON.stringify(entry)}: ${JSON.stringify(text)}`);
  };
  for (const text of shownOf(error)) hides('the error', text, [...ECHOES.secrets, ...ECHOES.texts]);
  hides('the message', error.message, ECHOES.acts);
  const carriesText = JSON.stringify(theCase.call.arguments).includes('کد ورود');
  for (const kept of [error.gatewayText, error.bodyExcerpt]) {
    hides('what is kept', kept ?? '', [...ECHOES.secrets, ...ECHOES.acts, ...(carriesText ? ECHOES.texts : [])]);
  }
}

function checkError(theCase, error) {
  assert.ok(error instanceof PayamakError, `not an error of ours: ${inspect(error)}`);
  const got = canonicalError(error);
  const { expect } = theCase;
  for (const key of ['type', 'gateway', 'operation', 'code', 'outcome', 'retry']) assert.ok(key in expect.error, `no ${key} is expected`);
  assert.deepEqual(Object.fromEntries(Object.keys(expect.error).map((key) => [key, got[key]])), expect.error, error.message);
  for (const secret of secrets(theCase)) {
    assert.ok(!shownOf(error).some((text) => text.includes(secret)), `the error shows ${secret}`);
  }
  if (error.gatewayCode && error.gatewayCode.name !== 'unknown') assert.ok(error.hint?.en && error.hint.fa, 'no hint');
}

const files = readdirSync(folder).sort();
assert.ok(files.length > 0 && files.every((file) => file.endsWith('.json')));

test('conformance', async (t) => {
  const emulator = await Emulator.start({ replay: folder });
  t.after(() => emulator.stop());
  assert.equal(emulator.replayCases().length, files.length, 'the emulator replays other cases');
  let ran = 0;
  const run = (file) => t.test(file, async () => {
    const name = file.slice(0, -'.json'.length);
    const theCase = JSON.parse(readFileSync(`${folder}${file}`, 'utf8'));
    for (const echo of theCase.echoes ? ECHOES.echoes : [undefined]) {
      const { result, error } = await call(theCase, emulator.replayUrl(name)).then(
        (value) => ({ result: value }),
        (reason) => ({ error: reason }),
      );
      if ('result' in theCase.expect) {
        if (error) throw error;
        assert.deepEqual(canonical(result), theCase.expect.result);
      } else {
        assert.ok(error, `expected an error but got ${JSON.stringify(canonical(result))}`);
        checkError(theCase, error);
        if (echo) checkEcho(theCase, error);
      }
    }
    assert.deepEqual(emulator.replayVerdict(name), { complete: true, mismatches: [] });
    ran += 1;
  });
  for (let start = 0; start < files.length; start += 16) await Promise.all(files.slice(start, start + 16).map(run));
  assert.equal(ran, files.length, 'a case was skipped or failed');
});
