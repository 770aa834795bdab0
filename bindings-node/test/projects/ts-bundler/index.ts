import { Messenger, PayamResan, isPayamakError } from 'payamak';
import { Emulator } from 'payamak/testing';

export async function main(): Promise<string> {
  const emulator = await Emulator.start();
  const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
  const [receipt] = await messenger.sendEach([{ to: '09121112222', text: 'سلام', key: 'a' }]);
  for await (const change of messenger.track([receipt!], { firstLook: 0, signal: AbortSignal.timeout(60_000) })) {
    if (change.status?.delivery.state) break;
  }
  const error: unknown = await messenger.send('x', '0912').then((report) => report.at(0)?.error);
  if (!isPayamakError(error, 'INVALID_INPUT')) throw new Error('no error');
  emulator.stop();
  return receipt!.outcome;
}

void main().then((outcome) => console.log(outcome));
