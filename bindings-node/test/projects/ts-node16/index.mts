import { Messenger, PayamResan, InvalidInputError, type Receipt } from 'payamak';
import { Emulator } from 'payamak/testing';

await using emulator = await Emulator.start();
await using messenger = new Messenger([new PayamResan(emulator.payamResan())]);
const report = await messenger.send('سلام', ['09121112222', '0912']);
const [receipt, bad]: Receipt[] = report.toArray();
if (!(bad?.error instanceof InvalidInputError)) throw new Error('no error');
const id: bigint | null = receipt?.messageId ?? null;
if (id === null) throw new Error('no id');
console.log(receipt?.outcome);
