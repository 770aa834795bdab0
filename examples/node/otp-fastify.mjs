// One-time passwords with Fastify.
//
//   node otp-fastify.mjs
//   curl -X POST localhost:3000/codes -H 'content-type: application/json' -d '{"number": "09121112222"}'
//   curl -X POST localhost:3000/codes/check -H 'content-type: application/json' -d '{"number": "09121112222", "code": "12345"}'

import { createHash, randomInt, timingSafeEqual } from 'node:crypto';
import { pathToFileURL } from 'node:url';

import Fastify from 'fastify';
import { isPayamakError, msisdn } from 'payamak';

import { connect } from './gateways.mjs';

const LIFETIME_MS = 120_000;
const TRIES = 5;

const digest = (code) => createHash('sha256').update(code).digest();

/** The service. `now` is injected, so that a test does not wait. */
export function build(messenger, { now = Date.now } = {}) {
  // Numbers and codes are personal: the request's body is never logged.
  const app = Fastify({ logger: false });
  // One process remembers; several share a Redis.
  const codes = new Map();

  app.setErrorHandler((error, request, reply) => {
    if (isPayamakError(error, 'INVALID_INPUT')) return reply.code(422).send({ error: 'not a mobile number' });
    return reply.code(error.statusCode ?? 500).send({ error: 'try again later' });
  });

  app.post('/codes', async (request, reply) => {
    const { national } = msisdn(request.body?.number);
    if ((codes.get(national)?.until ?? 0) > now()) return reply.code(429).send({ error: 'a code is on its way' });
    const code = String(randomInt(10_000, 100_000));
    // Kept before it is sent: an answer that is lost must not lose the code.
    codes.set(national, { digest: digest(code), until: now() + LIFETIME_MS, tries: TRIES });
    // Whoever asks again gets a new code in a new message, so there is no key. One would have to name the login and the attempt:
    // under a key that was used before, the new code is not sent. The deadline is there because a person waits.
    const [receipt] = await messenger.send(`کد ورود شما: ${code}`, national, { deadline: 10_000 });
    // An unclear one may still arrive: let the user try the code.
    if (receipt.outcome !== 'rejected') return reply.code(202).send({ expiresIn: LIFETIME_MS / 1000 });
    codes.delete(national);
    return reply.code(502).send({ error: 'the message could not be sent' });
  });

  app.post('/codes/check', async (request, reply) => {
    const { national } = msisdn(request.body?.number);
    const known = codes.get(national);
    const code = String(request.body?.code ?? '');
    if (!known || known.until <= now() || known.tries === 0) return reply.code(401).send({ error: 'ask for a new code' });
    known.tries -= 1;
    if (!timingSafeEqual(known.digest, digest(code))) return reply.code(401).send({ error: 'wrong code' });
    codes.delete(national);
    return { ok: true };
  });

  return app;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { messenger, emulator } = await connect();
  const app = build(messenger);
  app.addHook('onClose', async () => {
    await messenger.close();
    emulator?.stop();
  });
  const address = await app.listen({ port: Number(process.env.PORT ?? 3000) });
  console.log(`Listening on ${address}`);
  if (emulator) console.log(`Codes go to the emulator: see ${emulator.url}/_emulator/messages`);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void app.close());
}
