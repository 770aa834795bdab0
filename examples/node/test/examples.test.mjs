import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { Messenger, PayamResan } from 'payamak';
import { Emulator } from 'payamak/testing';

import { build } from '../otp-fastify.mjs';

const run = promisify(execFile);
const example = (name) => fileURLToPath(new URL(`../${name}.mjs`, import.meta.url));

test('quickstart', async () => {
  const { stdout, stderr } = await run(process.execPath, [example('quickstart')]);
  assert.equal(stderr, '');
  const [, accepted, rejected] = /(\d+) accepted, (\d+) rejected, 0 unclear/.exec(stdout) ?? [];
  assert.equal(rejected, '2', stdout);
  assert.ok(Number(accepted) >= 25, stdout);
  assert.match(stdout, new RegExp(`delivery: .*delivered`));
  assert.doesNotMatch(stdout, /0912111\d{4}/);
});

test('one-time password with Fastify', async (t) => {
  const emulator = await Emulator.start();
  let now = 0;
  const app = build(new Messenger([new PayamResan(emulator.payamResan())]), { now: () => now });
  t.after(async () => {
    await app.close();
    emulator.stop();
  });
  const post = async (url, payload) => (await app.inject({ method: 'POST', url, payload })).statusCode;
  const number = '+98 912 111 2222';
  assert.equal(await post('/codes', { number: 'twelve' }), 422);
  // The gateway takes the message and hangs up: the user gets one code all the same.
  emulator.addFault({ when: 'after', then: 'close' });
  assert.equal(await post('/codes', { number }), 202);
  assert.equal(emulator.messageCount, 1);
  assert.equal(await post('/codes', { number }), 429);
  const [, code] = /(\d{5})$/.exec(emulator.messages()[0].text);
  assert.equal(await post('/codes/check', { number, code: '00000' }), 401);
  assert.equal(await post('/codes/check', { number: '09121112222', code }), 200);
  assert.equal(await post('/codes/check', { number, code }), 401, 'a code works once');
  assert.equal(await post('/codes', { number }), 202);
  now += 121_000;
  assert.equal(await post('/codes/check', { number, code: /(\d{5})$/.exec(emulator.messages()[1].text)[1] }), 401, 'it expires');
});

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

test('queue with BullMQ: without Redis it says what to install', async () => {
  const env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${await freePort()}` };
  const failure = await run(process.execPath, [example('queue-bullmq')], { env }).then(assert.fail, (error) => error);
  assert.equal(failure.code, 1);
  assert.match(failure.stderr, /apt-get install redis-server/);
});

test('queue with BullMQ', async (t) => {
  if (!hasRedis) {
    const words = 'NOT RUN: there is no redis-server on this machine. apt-get install redis-server, and the queue example is tested too.';
    t.diagnostic(words);
    console.error(`\n*** ${words} ***\n`);
    return;
  }
  const port = await freePort();
  const redis = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => redis.kill());
  for await (const line of redis.stdout) if (/Ready to accept connections/.test(line)) break;
  const env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` };
  const { stdout } = await run(process.execPath, [example('queue-bullmq')], { env });
  assert.match(stdout, /order-1-\d+: accepted by payam-resan/);
  assert.match(stdout, /order-2-\d+: accepted by payam-resan/);
  assert.match(stdout, /order-3-\d+: failed: .*not a mobile number/);
});
