// A queue of messages with BullMQ. The job's id is in the message's key, so that a retry asks the gateway first, and does not send
// what is there: after a failure, or after a worker that died in the middle of a job.
//
// A key does not hold two workers apart that have one job at the same moment. BullMQ gives a job to a second worker when the first
// has not been heard of for its `lockDuration`: the deadline of a send is far below that.
//
//   redis-server &
//   node queue-bullmq.mjs
//
// REDIS_URL says where Redis is; redis://127.0.0.1:6379 unless set.

import { connect as connectSocket } from 'node:net';
import { pathToFileURL } from 'node:url';

import { Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';

import { connect } from './gateways.mjs';

export const QUEUE = 'sms';

const LOCK_MS = 60_000;
const DEADLINE_MS = 20_000;

/** Sends the message of one job; how it throws tells BullMQ whether another try makes sense. */
export async function work(messenger, job) {
  const { to, text } = job.data;
  // The first word is ours: whoever could choose a whole key could choose that of another message.
  const [receipt] = await messenger.send(text, to, { key: `job:${job.id}`, deadline: DEADLINE_MS });
  // Before a new try sends anything, the gateway is asked for the key.
  if (receipt.outcome === 'unclear') throw new Error(receipt.error.message);
  if (receipt.outcome === 'rejected') {
    const { retry, message } = receipt.error;
    throw retry === 'never' ? new UnrecoverableError(message) : new Error(message);
  }
  return JSON.parse(JSON.stringify(receipt));
}

function redisIsThere({ hostname, port }) {
  return new Promise((resolve) => {
    const socket = connectSocket(Number(port || 6379), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const url = new URL(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  if (!(await redisIsThere(url))) {
    console.error(`There is no Redis at ${url.host}. Install it and start it:

    apt-get install redis-server     # Debian and Ubuntu; brew install redis on macOS
    redis-server &

or say in REDIS_URL where one is.`);
    process.exit(1);
  }
  const connection = { host: url.hostname, port: Number(url.port || 6379) };
  const { messenger, emulator } = await connect();
  const queue = new Queue(QUEUE, { connection });
  const events = new QueueEvents(QUEUE, { connection });
  await events.waitUntilReady();
  const worker = new Worker(QUEUE, (job) => work(messenger, job), { connection, concurrency: 5, lockDuration: LOCK_MS });

  // Where the orders are, this is all there is to do: add a job whose id is the order's.
  const options = { attempts: 5, backoff: { type: 'exponential', delay: 500 }, removeOnComplete: { age: 3600 }, removeOnFail: { age: 86_400 } };
  const run = Date.now();
  const jobs = await queue.addBulk([
    { name: 'sms', data: { to: '09121112222', text: 'سفارش ۱ ارسال شد.' }, opts: { ...options, jobId: `order-1-${run}` } },
    { name: 'sms', data: { to: '۰۹۱۲ ۱۱۱ ۳۳۳۳', text: 'سفارش ۲ ارسال شد.' }, opts: { ...options, jobId: `order-2-${run}` } },
    { name: 'sms', data: { to: '0912111', text: 'سفارش ۳ ارسال شد.' }, opts: { ...options, jobId: `order-3-${run}` } },
  ]);
  for (const job of jobs) {
    const line = await job.waitUntilFinished(events).then(
      (receipt) => `${receipt.outcome} by ${receipt.gateway}`,
      (error) => `failed: ${error.message}`,
    );
    console.log(`${job.id}: ${line}`);
  }
  await worker.close();
  await queue.close();
  await events.close();
  await messenger.close();
  emulator?.stop();
}
