import { Messenger, PayamResan, InvalidInputError } from 'payamak';
import { Emulator } from 'payamak/testing';

const emulator = await Emulator.start();
const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
const [receipt, bad] = await messenger.send('سلام', ['09121112222', '0912']);
if (!(bad!.error instanceof InvalidInputError)) throw new Error('no error');
for await (const change of messenger.track([receipt!], { firstLook: 0 })) if (change.status) break;
await messenger.close();
emulator.stop();
console.log(receipt!.outcome);
