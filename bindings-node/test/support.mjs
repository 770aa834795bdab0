import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { Messenger, NikSms, PayamResan } from '../dist/esm/index.js';
import { Emulator } from '../dist/esm/testing.js';

/** An emulator that lives as long as the test. */
export async function emulate(t, options) {
  const emulator = await Emulator.start(options);
  t.after(() => emulator.stop());
  return emulator;
}

/** A messenger on the emulator, whose pauses are short enough for a test. */
export function messengerOn(emulator, { gateway, ...settings } = {}) {
  return new Messenger([new PayamResan(emulator.payamResan(gateway))], { settle: 20, ...settings });
}

export function bothOn(emulator, settings = {}) {
  return new Messenger([new PayamResan(emulator.payamResan()), new NikSms(emulator.niksms())], { settle: 20, ...settings });
}

/** A gateway that answers each request with what `answer` says, and keeps the requests and the connections. */
export async function serve(t, answer) {
  const requests = [];
  const connections = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    request.resume().on('end', () => response.setHeader('content-type', 'application/json').end(answer(request)));
  });
  server.on('connection', (connection) => connections.push(connection));
  // Longer than a client keeps a connection: it is the client that closes it.
  server.keepAliveTimeout = 600_000;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, requests, connections };
}

/** Waits until something holds. */
export async function until(condition, what = 'the condition') {
  const limit = Date.now() + 60_000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error(`${what} did not come to hold within a minute`);
    await delay(2);
  }
}

/** So many different numbers, all of the kind that may stand in a test. */
export function numbers(count) {
  return Array.from({ length: count }, (_, index) => `0912111${String(index % 10_000).padStart(4, '0')}`);
}

/** Runs a program to its end. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (out.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (out.stderr += text));
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...out };
}
