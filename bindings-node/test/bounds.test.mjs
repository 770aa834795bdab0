// What a hostile gateway may cost: neither the other gateway's time, nor the memory of the process.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { Worker } from 'node:worker_threads';

import { Messenger, NikSms, PayamResan } from '../dist/esm/index.js';
import { emulate, numbers, run, serve, until } from './support.mjs';

const entry = new URL('../dist/esm/index.js', import.meta.url).href;

/** A gateway that answers each request with interim answers and no end, on a thread of its own. */
async function flood(t) {
  const thread = new Worker(`
    const { createServer } = require('node:net');
    const { parentPort } = require('node:worker_threads');
    const interim = Buffer.from('HTTP/1.1 102 Processing\\r\\n\\r\\n'.repeat(4000));
    const server = createServer((socket) => {
      const pour = (error) => error || socket.write(interim, pour);
      socket.on('error', () => {}).once('data', () => {
        parentPort.postMessage('flooded');
        pour();
      });
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  `, { eval: true });
  t.after(() => thread.terminate());
  const [port] = await once(thread, 'message');
  const flooding = { url: `http://127.0.0.1:${port}`, connections: 0 };
  thread.on('message', () => (flooding.connections += 1));
  return flooding;
}

/** The CPU time of the threads of this process that have this name, in ticks; undefined where there is none. */
function ticksOf(name) {
  let ticks;
  for (const task of readdirSync('/proc/self/task')) {
    const [, comm, rest] = /\((.*)\) (.*)/s.exec(readFileSync(`/proc/self/task/${task}/stat`, 'utf8'));
    const fields = rest.split(' ');
    if (comm === name) ticks = (ticks ?? 0) + Number(fields[11]) + Number(fields[12]);
  }
  return ticks;
}

test('a gateway that floods holds up neither the other one nor a messenger that uses both', async (t) => {
  const emulator = await emulate(t, { keepTexts: false });
  const flooding = await flood(t);
  const hostile = new PayamResan({ apiKey: 'demo-key', sender: 30004040, baseUrl: flooding.url, timeout: 600_000, readAttempts: 1 });
  const other = new NikSms(emulator.niksms());
  const calls = 200;
  const rate = async () => {
    const started = performance.now();
    for (let call = 0; call < calls; call += 1) await other.getCredit();
    return (calls * 1000) / (performance.now() - started);
  };
  await rate();
  const quiet = await rate();
  const controller = new AbortController();
  let ended = 0;
  const flooded = Array.from({ length: 4 }, () => hostile.accountInfo({ signal: controller.signal }).finally(() => (ended += 1)));
  const settled = Promise.allSettled(flooded);
  await until(() => flooding.connections === 4, 'four floods');
  if (process.platform === 'linux') {
    // What the flood costs, a thread pays that serves nobody else.
    const before = ticksOf('payamak-resan');
    assert.notEqual(before, undefined, 'its connections have no thread of their own');
    assert.notEqual(ticksOf('payamak-niksms'), undefined, "the other one's connections have no thread of their own");
    await until(() => ticksOf('payamak-resan') >= before + 10, 'a thread that is busy with the flood');
  }
  const beside = await rate();
  const report = await new Messenger([other, hostile]).send('سلام', numbers(300));
  assert.equal(report.counts.accepted, 300);
  assert.equal(ended, 0, 'the flood had ended');
  controller.abort();
  for (const { reason } of await settled) assert.equal(reason?.name, 'AbortError');
  t.diagnostic(`${quiet.toFixed(0)} calls a second, ${beside.toFixed(0)} beside the flood`);
});

const MOST_OF_INBOX = 8 * 1024 * 1024;

test('an answer of empty rows costs little more than itself', async (t) => {
  const around = ['{"Success":true,"Result":[', '{}]}'];
  const rows = '{},'.repeat(Math.floor((MOST_OF_INBOX - around.join('').length) / 3));
  const bodies = [around.join(''), around.join(rows)];
  let asked = 0;
  // The first answer, of one row, is for warming up.
  const { url } = await serve(t, () => bodies[Math.min(asked++, 1)]);
  const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', `
    import { readFileSync } from 'node:fs';
    import { PayamResan } from '${entry}';
    const peak = () => process.platform === 'linux'
      ? Number(/VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) : process.resourceUsage().maxRSS;
    const gateway = new PayamResan({ apiKey: 'demo-key', baseUrl: '${url}' });
    const failing = () => gateway.getInbox().then(() => ({}), ({ name, outcome }) => ({ name, outcome }));
    await failing();
    const before = peak();
    const error = await failing();
    console.log(JSON.stringify({ ...error, grown: peak() - before }));
  `]);
  assert.equal(stderr, '');
  const { name, outcome, grown } = JSON.parse(stdout);
  t.diagnostic(`${bodies[1].length} bytes of empty rows: ${(grown / 1024).toFixed(1)} MiB`);
  assert.deepEqual([name, outcome, asked], ['DecodeError', 'unclear', 2]);
  assert.ok(grown < 32 * 1024, `${grown} KiB`);
});
