import { errorOf, invalid, setting, type ErrorFields } from './errors.js';
import { inspect } from './native.js';
import { camelToSnake, fieldName } from './names.js';

/**
 * An id of 64 bits. A `number` is taken where it is exact; a fraction or one beyond `Number.MAX_SAFE_INTEGER` is refused with
 * an `InvalidInputError`, because it is no longer the id that it was. Ids that come out are `bigint`.
 */
export type Id = bigint | number | string;

/** A mobile number, however people type it: `'0912 111 2222'`, `'+98…'`, Persian digits, or a whole number. */
export type Recipient = string | number | bigint;

/** A sender line: a number, or a name such as NikSMS's `blacklist`. */
export type SenderLine = string | number | bigint;

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Digits as people type them, Latin. */
function latin(text: string): string {
  return text.replace(/[۰-۹٠-٩]/g, (digit) => String((digit.codePointAt(0) as number) & 0xf));
}

/** The decimal text of an id, or the error that names the field. */
export function idText(value: Id, operation: string, field: string): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    const why = Number.isInteger(value)
      ? 'a number beyond Number.MAX_SAFE_INTEGER, so no longer exact; give a bigint or a string'
      : 'not a whole number';
    throw invalid(operation, field, why);
  }
  const text = typeof value === 'string' ? latin(value.trim()) : typeof value === 'bigint' || typeof value === 'number' ? String(value) : '';
  if (!/^-?\d+$/.test(text)) throw invalid(operation, field, 'not an integer of 64 bits');
  const id = BigInt(text);
  if (id < MIN || id > MAX) throw invalid(operation, field, 'not an integer of 64 bits');
  return String(id);
}

/** Ids to ask by, or the error that names the first that is none. */
export function idsOf(values: Iterable<Id>, operation: string, field: string): BigInt64Array {
  const all = Array.isArray(values) ? (values as Id[]) : list(values, operation, field);
  const ids = new BigInt64Array(all.length);
  for (let place = 0; place < all.length; place += 1) {
    const value = all[place] as Id;
    // An array wraps what does not fit, so it is looked at before.
    ids[place] = typeof value === 'bigint' && value >= MIN && value <= MAX ? value : BigInt(idText(value, operation, `${field}[${place}]`));
  }
  return ids;
}

/** The same, where the id may be left out. */
export function optionalId(value: Id | null | undefined, operation: string, field: string): string | undefined {
  return value == null ? undefined : idText(value, operation, field);
}

/** The text of a number. What is missing goes on as an empty text, which core refuses by the row's name. */
export function numberText(value: unknown, operation: string, field: string): string {
  if (typeof value === 'string') return value;
  if (value == null) return '';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw invalid(operation, field, 'neither a string nor a whole number');
}

/** The text of a sender line. */
export function senderText(value: SenderLine | null | undefined, operation: string, field = 'sender'): string | undefined {
  return value == null ? undefined : numberText(value, operation, field);
}

/** A text; a missing one goes on as an empty one where `rows` can be refused one by one. */
export function text(value: unknown, operation: string, field: string): string {
  if (typeof value === 'string') return value;
  throw invalid(operation, field, 'not a string');
}

/** A text each for the parameters of a template. */
export function texts(value: unknown, operation: string, field: string): string[] {
  if (!Array.isArray(value)) throw invalid(operation, field, 'not an array of strings');
  return value.map((item, index) => text(item, operation, `${field}[${index}]`));
}

/** A list, from whatever can be iterated but a string. */
export function list<T>(value: Iterable<T>, operation: string, field: string): T[] {
  if (typeof value === 'string' || typeof (value as Partial<Iterable<T>> | null)?.[Symbol.iterator] !== 'function') {
    throw invalid(operation, field, 'not an array');
  }
  return Array.from(value);
}

/** A time as core reads it: a text as it is, a `Date` as a moment. */
export function timeText(value: string | Date | null | undefined, operation: string, field: string): string | undefined {
  if (value == null) return undefined;
  if (typeof value === 'string') return value;
  if (Number.isNaN(value.getTime())) throw invalid(operation, field, 'an invalid Date');
  return value.toISOString();
}

/** Settings in the names of the native module. What JSON would leave out or make null is refused: it would be the default. */
export function settingsText(settings: object, refuse: (field: string, detail: string) => Error = setting): string {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined && value !== null);
  for (const [name, value] of entries) {
    if (typeof value === 'number' && !Number.isFinite(value)) throw refuse(name, 'not a finite number');
    if (['bigint', 'function', 'symbol'].includes(typeof value)) throw refuse(name, `a ${typeof value}, which it does not take`);
  }
  return JSON.stringify(Object.fromEntries(entries.map(([name, value]) => [camelToSnake(name), value])));
}

/** A number as a log may show it. */
function masked(value: string): string {
  const characters = [...value];
  if (characters.length <= 3) return value;
  if (characters.length <= 8) return `${characters.slice(0, 2).join('')}…`;
  return `${characters.slice(0, 4).join('')}…${characters.slice(-2).join('')}`;
}

/**
 * A result: a plain object whose fields are what its type says. `JSON.stringify` writes its ids as strings; printing it masks
 * phone numbers and the texts of messages.
 */
export class Data {
  /** Ids as strings, everything else as it is. */
  toJSON(): Record<string, unknown> {
    const ids = (value: unknown): unknown =>
      typeof value === 'bigint' ? String(value) : Array.isArray(value) ? value.map(ids) : value;
    return Object.fromEntries(Object.entries(this).map(([key, value]) => [key, ids(value)]));
  }

  /** @internal */
  [inspect](_depth: number, options: object, print?: (value: unknown, options: object) => string): unknown {
    const shown: Record<string, unknown> = {};
    const isMessage = !('wireName' in this) && !('key' in this);
    for (const [key, value] of Object.entries(this)) {
      if ((key === 'to' || key === 'from') && typeof value === 'string') shown[key] = masked(value);
      // Worth saying where it is so.
      else if (key === 'replayed' && value === false) continue;
      else if (key === 'text' && isMessage && typeof value === 'string') shown[key] = `[${[...value].length} characters]`;
      else shown[key] = value;
    }
    const { name } = this.constructor;
    return print ? `${name === 'Data' ? '' : `${name} `}${print(shown, options)}` : shown;
  }
}

const IDS = new Set(['message_id', 'trace_id']);

/** Canonical JSON as JavaScript likes it: camel case, ids as `bigint`, errors as errors. */
export function revive<T>(value: unknown, Class: new () => Data = Data): T {
  if (Array.isArray(value)) return value.map((item) => revive(item, Class)) as T;
  if (typeof value !== 'object' || value === null) return value as T;
  const result = new Class();
  for (const [key, item] of Object.entries(value)) {
    let revived: unknown;
    if (IDS.has(key)) revived = item == null ? null : BigInt(item as string);
    else if (key === 'message_ids') revived = (item as string[]).map(BigInt);
    else if (key === 'error') revived = item == null ? null : errorOf(item as ErrorFields);
    else revived = revive(item);
    (result as unknown as Record<string, unknown>)[fieldName(key)] = revived;
  }
  return result as T;
}

/** What the native module answers with. */
export type Tagged = { ok: unknown } | { err: ErrorFields } | { canceled: true };

/** The answer of a synchronous function. */
export function unwrap<T>(answer: string): T {
  const tagged = JSON.parse(answer) as Tagged;
  if ('err' in tagged) throw errorOf(tagged.err);
  return revive<T>('ok' in tagged ? tagged.ok : null);
}

/** Calls a constructor of the native module; what it throws carries the tagged answer as its text. */
export function making<T>(make: () => T): T {
  let failure: unknown;
  try {
    return make();
  } catch (error) {
    failure = error;
  }
  const message = (failure as Error).message;
  if (!message.startsWith('{"err"')) throw failure;
  throw errorOf((JSON.parse(message) as { err: ErrorFields }).err);
}
