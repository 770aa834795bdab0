const assert = require('node:assert/strict');
const { Messenger, PayamResan, InvalidInputError, isPayamakError } = require('payamak');
const { Emulator } = require('payamak/testing');

(async () => {
  const emulator = await Emulator.start();
  const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
  emulator.addFault({ when: 'after', then: 'close' });
  const [receipt, bad] = await messenger.send('سلام', ['09121112222', '0912']);
  assert.equal(emulator.registrations(receipt.traceId), 1);
  assert.ok(bad.error instanceof InvalidInputError && isPayamakError(bad.error));
  console.log(receipt.outcome);
})();
