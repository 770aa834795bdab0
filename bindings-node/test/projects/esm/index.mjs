import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Messenger, PayamResan, InvalidInputError, isPayamakError } from 'payamak';
import { Emulator } from 'payamak/testing';

const emulator = await Emulator.start();
const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
const [receipt, bad] = await messenger.send('سلام', ['09121112222', '0912']);
assert.equal(emulator.registrations(receipt.traceId), 1);
assert.ok(bad.error instanceof InvalidInputError && isPayamakError(bad.error));
// Both builds in one program understand each other.
const cjs = createRequire(import.meta.url)('payamak');
assert.ok(bad.error instanceof cjs.InvalidInputError);
assert.equal((await new cjs.Messenger([new PayamResan(emulator.payamResan())]).send('x', '09121112222')).length, 1);
console.log(receipt.outcome);
