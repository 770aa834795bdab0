import { Data, idText, list, numberText, optionalId, revive, unwrap, type Id, type Recipient } from './convert.js';
import { invalid, type Open, type PayamakError } from './errors.js';
import type { Jsonable } from './gateways.js';
import { NATIVE, hide, inspect, native } from './native.js';

export type Handle = InstanceType<typeof native.Receipts>;

/** How the sending of one message ended. */
export type SendOutcome = Open<'accepted' | 'rejected' | 'unclear'>;

/**
 * What became of one message handed over. `JSON.stringify` writes it in full, for your database; `console.log` masks the number.
 */
export interface Receipt extends Jsonable {
  /** To whom, as `09…`; what is no number stands as it was given. */
  readonly to: string;
  /** The id it was sent under, whatever the outcome. */
  readonly traceId: bigint;
  /** The gateway's id, where it gave one. */
  readonly messageId: bigint | null;
  /** The gateway that has it, or that was tried last; null where none was tried. */
  readonly gateway: string | null;
  /** `accepted`; `rejected`: definitely not sent; `unclear`: it may have been sent. */
  readonly outcome: SendOutcome;
  /** Why it was not accepted. */
  readonly error: PayamakError | null;
  /** True when it had been sent before: by an earlier run, or by another call with its key. */
  readonly replayed: boolean;
}

/** A receipt as a database kept it, for {@link Messenger.track} and {@link Messenger.delivery}. */
export interface KeptReceipt {
  to: Recipient;
  traceId: Id;
  /** Without one, every gateway is asked. */
  gateway?: string | null | undefined;
  messageId?: Id | null | undefined;
  /** `accepted` unless given; without a gateway, `unclear`. */
  outcome?: SendOutcome | undefined;
}

/** How many receipts have each outcome. */
export interface Counts {
  readonly accepted: number;
  readonly rejected: number;
  readonly unclear: number;
}

const ReceiptData = { Receipt: class Receipt extends Data {} }.Receipt;
const BLOCK = 256;

/**
 * The receipts of a send, in input order. They stay in native memory and become objects when looked at, so a report of ten
 * thousand costs nothing until then. Iterate over it, destructure it, or ask for one with {@link at}.
 *
 * @example
 * ```ts
 * const report = await messenger.send('سلام', numbers);
 * console.log(report.counts);
 * for (const { to, error } of report.rejected) await markAsBad(to, error?.field);
 * await database.insert(report.toJSON());
 * ```
 */
export class Report implements Iterable<Receipt> {
  readonly #handle: Handle;
  readonly #length: number;
  #block: Receipt[] = [];
  #blockStart = 0;

  /** @internal */
  constructor(handle: Handle) {
    this.#handle = handle;
    this.#length = handle.length;
    hide(this, NATIVE, handle);
  }

  /** How many receipts there are: one for every message handed over. */
  get length(): number {
    return this.#length;
  }

  /** How many receipts have each outcome. */
  get counts(): Counts {
    const [accepted = 0, rejected = 0, unclear = 0] = this.#handle.counts();
    return { accepted, rejected, unclear };
  }

  /** The receipt of the message with this place; a negative place counts from the end. */
  at(index: number): Receipt | undefined {
    const { length } = this;
    const place = Math.trunc(index) || 0;
    const wanted = place < 0 ? length + place : place;
    if (wanted < 0 || wanted >= length) return undefined;
    if (wanted < this.#blockStart || wanted >= this.#blockStart + this.#block.length) {
      this.#blockStart = wanted - (wanted % BLOCK);
      this.#block = revive(JSON.parse(this.#handle.rows(this.#blockStart, BLOCK)), ReceiptData);
    }
    return this.#block[wanted - this.#blockStart];
  }

  *[Symbol.iterator](): IterableIterator<Receipt> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index) as Receipt;
  }

  #with(outcome: number): Receipt[] {
    return this.#handle.places(outcome).map((place: number) => this.at(place) as Receipt);
  }

  /** The receipts of messages that a gateway has. */
  get accepted(): Receipt[] {
    return this.#with(0);
  }

  /** The receipts of messages that are certainly not sent. */
  get rejected(): Receipt[] {
    return this.#with(1);
  }

  /** The receipts of messages of which nobody knows. */
  get unclear(): Receipt[] {
    return this.#with(2);
  }

  /** All receipts, as an array. */
  toArray(): Receipt[] {
    return Array.from(this);
  }

  /** All receipts, for `JSON.stringify`. */
  toJSON(): Record<string, unknown>[] {
    return Array.from(this, (receipt) => receipt.toJSON());
  }

  /** @internal */
  [inspect](): string {
    const { accepted, rejected, unclear } = this.counts;
    return `Report(${this.length}) { accepted: ${accepted}, rejected: ${rejected}, unclear: ${unclear} }`;
  }
}

/** @internal The native receipts behind a report, or those of a list from anywhere. */
export function handleOf(receipts: Report | Iterable<Receipt | KeptReceipt>, operation: string): Handle {
  const own = (receipts as { [NATIVE]?: Handle } | null)?.[NATIVE];
  if (own) return own;
  const rows = list(receipts as Iterable<KeptReceipt>, operation, 'receipts').map((receipt, index) => {
    const field = `receipts[${index}]`;
    if (typeof receipt !== 'object' || receipt === null) throw invalid(operation, field, 'not a receipt');
    return {
      to: numberText(receipt.to, operation, `${field}.to`),
      trace_id: idText(receipt.traceId, operation, `${field}.trace_id`),
      gateway: receipt.gateway ?? null,
      message_id: optionalId(receipt.messageId, operation, `${field}.message_id`) ?? null,
      outcome: receipt.outcome ?? null,
    };
  });
  const handle = new native.Receipts('');
  handle.push(JSON.stringify(rows));
  unwrap(handle.restore());
  return handle;
}
