// The one message that every subject sends.

export const TEXT = 'کد ورود شما: 48213';
export const SENDER = 30004040;
export const TO = '09121112222';
export const KEY = 'benchmark-key';

let last = 1_000_000;

/** A trace id that nobody has used. */
export function traceId() {
  last += 1;
  return last;
}

/** Refuses an answer without an id: an error path would be fast, and prove nothing. */
export function check(id, where) {
  if (id === undefined || id === null || id === '' || Number(id) === 0) throw new Error(`${where} gave no message id`);
}

/** Ids as long as those of the gateways, beyond 2^53. */
export function idsOf(count) {
  return Array.from({ length: count }, (_, index) => 639_000_000_000_000_001n + BigInt(index));
}
