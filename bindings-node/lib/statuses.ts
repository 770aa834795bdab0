import { Data, unwrap } from './convert.js';
import type { DeliveryRow, DeliveryStatus, Sent, StatusRow } from './gateways.js';
import { native } from './native.js';
import type { Packed } from './bridge.js';

// How native code writes that a row has no id.
const NO_ID = -(2n ** 63n);

/** The statuses of a gateway's known codes, by code. Rows share them, so nobody may change them. */
function table(kind: string): () => DeliveryStatus[] {
  let known: DeliveryStatus[] | undefined;
  return () => {
    if (known === undefined) {
      known = [];
      for (const status of unwrap<DeliveryStatus[]>(native.knownStatuses(kind))) {
        Object.freeze(status.delivery);
        known[status.code as number] = Object.freeze(status);
      }
    }
    return known;
  };
}

const payamResan = table('payam-resan');
const niksms = table('niksms');

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** `messageId` and `traceId` of each row. */
export function sentOf(answer: Packed): Sent[] {
  const ids = answer as readonly (bigint | null)[];
  const rows: Sent[] = [];
  for (let place = 0; place < ids.length; place += 2) {
    const row = new Data() as Data & Mutable<Sent>;
    row.messageId = ids[place] as bigint | null;
    row.traceId = ids[place + 1] as bigint | null;
    rows.push(row);
  }
  return rows;
}

/** `messageId`, `traceId` and status of each row. */
export function statusesOf(answer: Packed): StatusRow[] {
  const [ids, codes] = answer as [BigInt64Array, Int32Array];
  const known = payamResan();
  const rows: StatusRow[] = [];
  for (let place = 0; place < codes.length; place += 1) {
    const row = new Data() as Data & Mutable<StatusRow>;
    const messageId = ids[2 * place] as bigint;
    const traceId = ids[2 * place + 1] as bigint;
    row.messageId = messageId === NO_ID ? null : messageId;
    row.traceId = traceId === NO_ID ? null : traceId;
    row.status = known[codes[place] as number] as DeliveryStatus;
    rows.push(row);
  }
  return rows;
}

/** `messageId` and status of each row. */
export function deliveriesOf(answer: Packed): DeliveryRow[] {
  const [ids, codes] = answer as [BigInt64Array, Int32Array];
  const known = niksms();
  const rows: DeliveryRow[] = [];
  for (let place = 0; place < codes.length; place += 1) {
    const row = new Data() as Data & Mutable<DeliveryRow>;
    row.messageId = ids[place] as bigint;
    row.status = known[codes[place] as number] as DeliveryStatus;
    rows.push(row);
  }
  return rows;
}
