import assert from 'node:assert/strict';
import { CreditError, GatewayError, InvalidInputError, Messenger, PayamakError, PayamResan } from 'payamak';
import { Emulator } from 'payamak/testing';

const emulator = await Emulator.start();
const gateway = new PayamResan(emulator.payamResan());
const [receipt, bad] = await new Messenger([gateway]).send('سلام', ['09121112222', '0912']);
assert.ok(bad.error instanceof InvalidInputError && bad.error instanceof PayamakError && !(bad.error instanceof GatewayError));
assert.equal(bad.error.name, 'InvalidInputError');
emulator.setCredit('payam-resan', 0);
await assert.rejects(gateway.sendBulk('x', ['09121112222']), (error) => error instanceof CreditError && error instanceof GatewayError);
console.log(receipt.outcome);
