import { PayamResan } from 'payamak';
import testing = require('payamak/testing');

void testing.Emulator.start().then(async (emulator) => {
  const gateway = new PayamResan(emulator.payamResan());
  const [sent] = await gateway.sendBulk('سلام', [{ to: 9121112222, traceId: 7 }]);
  if (sent?.traceId !== 7n) throw new Error('another id');
  emulator.stop();
});
