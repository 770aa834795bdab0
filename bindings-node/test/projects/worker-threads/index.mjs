import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Messenger, PayamResan } from 'payamak';
import { Emulator } from 'payamak/testing';

if (isMainThread) {
  const emulator = await Emulator.start();
  const settings = emulator.payamResan();
  const outcomes = await Promise.all(Array.from({ length: 4 }, async () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: settings });
    const [[outcome]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    return outcome;
  }));
  if (emulator.messageCount !== 4) throw new Error(`${emulator.messageCount} messages`);
  console.log([...new Set(outcomes)].join());
} else {
  const [receipt] = await new Messenger([new PayamResan(workerData)]).send('سلام', '09121112222');
  parentPort.postMessage(receipt.outcome);
}
