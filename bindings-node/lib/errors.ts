import { hide } from './native.js';
import { camelWords, snakeToCamel } from './names.js';
import type { Report } from './receipts.js';

/** A string union that may grow: known values complete in the editor, and new ones still type-check. */
export type Open<Known extends string> = Known | (string & {});

/** The stable codes of the errors, one a class. */
export type ErrorCode = Open<
  | 'CONFIGURATION'
  | 'INVALID_INPUT'
  | 'CONNECT'
  | 'TIMEOUT'
  | 'DECODE'
  | 'AUTHENTICATION'
  | 'ACCESS'
  | 'RATE_LIMIT'
  | 'LIMIT'
  | 'CREDIT'
  | 'REQUEST'
  | 'UNAVAILABLE'
  | 'ABORT_ERR'
>;

/** Whether a message may have been sent although the call failed. */
export type Outcome = Open<'not_sent' | 'unclear'>;

/** What may be done after an error. */
export type Retry = Open<'never' | 'backoff' | 'after_reset' | 'check_first'>;

/** One sentence that says what to do, in English and in Persian. */
export interface Hint {
  readonly en: string;
  readonly fa: string;
}

/** A gateway's code: its number, our name, the gateway's own name, and its Persian wording. */
export interface Code {
  /** The gateway's number; null for a code that is only known by name. */
  readonly code: number | null;
  /** Our name, in lower snake case; `unknown` for a code that no table has. */
  readonly name: Open<'unknown'>;
  /** The gateway's own spelling. */
  readonly wireName: string | null;
  /** The gateway's Persian wording. */
  readonly text?: string | null;
}

/** What an error is made of. */
export interface ErrorFields {
  type: string;
  message: string;
  detail?: string;
  gateway?: string | null;
  operation?: string | null;
  code?: number | null;
  name?: string | null;
  wire_name?: string | null;
  gateway_text?: string | null;
  field?: string | null;
  value?: string | null;
  hint?: Hint | null;
  outcome: string;
  retry: string;
  retry_after?: number | null;
  http_status?: number | null;
  body_excerpt?: string | null;
}

/** What may be personal: no enumeration, copy or printer finds it. */
interface PrivateFields {
  gatewayText: string | null;
  value: string | null;
  bodyExcerpt: string | null;
}

const KINDS = Symbol.for('payamak.error');
const isInstance = Function.prototype[Symbol.hasInstance];

/**
 * The base of all errors of this library.
 *
 * Nothing that prints it (its message, its stack, `console.log`, `JSON.stringify`) holds a key, a password, a phone number, a text or
 * a word of the gateway's. What a bad value or an answer looked like is there for who asks for it, in {@link PayamakError.value},
 * {@link PayamakError.gatewayText} and {@link PayamakError.bodyExcerpt}, and all at once in {@link PayamakError.toObject}.
 *
 * @example
 * ```ts
 * try {
 *   await gateway.sendBulk('سلام', ['09121112222']);
 * } catch (error) {
 *   if (error instanceof RateLimitError) await waitABit();
 *   else if (isPayamakError(error)) console.error(error.code, error.outcome, error.hint?.fa);
 *   else throw error;
 * }
 * ```
 */
export class PayamakError extends Error {
  /** @internal What `instanceof` goes by. A class's own name does not survive a minifier. */
  static readonly kind: string = 'PayamakError';

  /** The class, as `error.name`. */
  declare readonly name: string;
  /** The stable code of the class. */
  readonly code: ErrorCode;
  /** The gateway it came from, by the name its client has (`payam-resan` and `niksms` unless set). */
  readonly gateway: string | null;
  /** The operation: `sendBulk`. */
  readonly operation: string | null;
  /** The gateway's own code, where it answered with one. */
  readonly gatewayCode: Code | null;
  /** The argument that cannot be sent (`recipients[3].to`), or the setting that is missing or wrong. */
  readonly field: string | null;
  /** The HTTP status, where one arrived. */
  readonly httpStatus: number | null;
  /** `unclear` when a message may have been sent all the same: ask by trace id before sending it again. */
  readonly outcome: Outcome;
  /** What may be done now. */
  readonly retry: Retry;
  /** How many milliseconds the gateway asks to wait. */
  readonly retryAfter: number | null;
  /** What to do about it. */
  readonly hint: Hint | null;
  readonly #private: PrivateFields;

  /** @internal */
  constructor(fields: ErrorFields, options?: { cause?: unknown }) {
    const { operation, field } = fields;
    super(camelWords(fields.message), options);
    const Class = new.target as typeof PayamakError;
    hide(this, 'name', nameOf(Class));
    hide(this, KINDS, kindsOf(Class));
    this.code = CODES[fields.type] ?? fields.type;
    this.gateway = fields.gateway ?? null;
    this.operation = operation == null ? null : snakeToCamel(operation);
    this.gatewayCode =
      fields.name == null ? null : { code: fields.code ?? null, name: fields.name, wireName: fields.wire_name ?? null };
    this.field = field == null ? null : camelWords(field);
    this.httpStatus = fields.http_status ?? null;
    this.outcome = fields.outcome;
    this.retry = fields.retry;
    this.retryAfter = fields.retry_after ?? null;
    this.hint = fields.hint ? { en: camelWords(fields.hint.en), fa: camelWords(fields.hint.fa) } : null;
    this.#private = {
      gatewayText: fields.gateway_text ?? null, value: fields.value ?? null, bodyExcerpt: fields.body_excerpt ?? null,
    };
  }

  /**
   * What the gateway said, at most 200 characters; where it said nothing, its table's wording of the code. Cleaned: what it repeats
   * of the request, credentials, numbers of four digits and more, and characters that act in a log are masked. It may still be
   * personal (of an earlier message, say): never log it unasked.
   */
  get gatewayText(): string | null {
    return this.#private.gatewayText;
  }

  /** The value that cannot be sent, as it was given. It may be personal: never log it unasked. */
  get value(): string | null {
    return this.#private.value;
  }

  /** The first 200 characters of an answer that could not be read, cleaned likewise. It may still be personal: never log it unasked. */
  get bodyExcerpt(): string | null {
    return this.#private.bodyExcerpt;
  }

  /** True for an error of this class from any copy of the library: bundlers and the two builds make several. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // A class of the user's own, derived from one of ours, has no kind of its own.
    if (!Object.hasOwn(this, 'kind')) return isInstance.call(this, value);
    const kinds: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, KINDS) : undefined;
    return Array.isArray(kinds) && kinds.includes(this.kind);
  }

  /** What a log may keep. */
  toJSON(): Record<string, unknown> {
    return this.toObject();
  }

  /**
   * The fields of the error as a plain object: what a log may keep, and with `private` the `gatewayText`, `value` and `bodyExcerpt`
   * too, which may be personal.
   *
   * @example
   * ```ts
   * await vault.insert(error.toObject({ private: true }));
   * ```
   */
  toObject(options: { private?: boolean | undefined } = {}): Record<string, unknown> {
    const { name, code, message, gateway, operation, gatewayCode, field, httpStatus, outcome, retry, retryAfter, hint } = this;
    const shown = { name, code, message, gateway, operation, gatewayCode, field, httpStatus, outcome, retry, retryAfter, hint };
    return options.private === true ? { ...shown, ...this.#private } : shown;
  }
}

/** A setting is missing or wrong, or the gateway (or dialect) cannot do what was asked. */
export class ConfigurationError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'ConfigurationError';
}

/** A value that cannot be sent; {@link PayamakError.field} names it. */
export class InvalidInputError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'InvalidInputError';
}

/** No connection, or it broke. */
export class ConnectError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'ConnectError';
}

/** No answer in time. */
export class TimeoutError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'TimeoutError';
}

/** An answer that cannot be read. */
export class DecodeError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'DecodeError';
}

/** A gateway's own refusal: the base of the seven classes below. */
export class GatewayError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'GatewayError';
}

/** The gateway does not accept the credentials. */
export class AuthenticationError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'AuthenticationError';
}

/** The account may not do this. */
export class AccessError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'AccessError';
}

/** Too many requests: slow down. */
export class RateLimitError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'RateLimitError';
}

/** A limit of the account, the line or the hour is reached. */
export class LimitError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'LimitError';
}

/** Not enough credit. */
export class CreditError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'CreditError';
}

/** The gateway refuses this request as it is. */
export class RequestError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'RequestError';
}

/** The gateway is not well, or does not know itself what happened. */
export class UnavailableError extends GatewayError {
  /** @internal */
  static override readonly kind: string = 'UnavailableError';
}

/**
 * The caller stopped the work, by an `AbortSignal` or a `timeout` of a messenger's call. As with Node's own functions its
 * `name` is `AbortError`, its `code` is `ABORT_ERR`, and its `cause` is `signal.reason`. A `deadline` is no abort: at its end the
 * call answers with its report.
 *
 * @example
 * ```ts
 * try {
 *   await messenger.send(text, numbers, { signal: AbortSignal.timeout(30_000), key: 'campaign-7' });
 * } catch (error) {
 *   if (!(error instanceof AbortError)) throw error;
 *   // What had left is unclear, what had not is rejected: send it again with the same key, and nothing goes out twice.
 *   console.log(error.receipts?.counts);
 * }
 * ```
 */
export class AbortError extends PayamakError {
  /** @internal */
  static override readonly kind: string = 'AbortError';

  /** Of a messenger's send: what had become of each message, in input order. */
  readonly receipts: Report | null;

  /** @internal */
  constructor(fields: ErrorFields, options: { cause?: unknown; receipts?: Report | null }) {
    super(fields, options);
    this.receipts = options.receipts ?? null;
  }
}

type Class = new (fields: ErrorFields, options: { cause?: unknown }) => PayamakError;

const CLASSES: Record<string, Class> = {
  ConfigurationError, InvalidInputError, ConnectError, TimeoutError, DecodeError, AuthenticationError, AccessError,
  RateLimitError, LimitError, CreditError, RequestError, UnavailableError, CanceledError: AbortError,
};

const CODES: Record<string, ErrorCode> = {
  ConfigurationError: 'CONFIGURATION', InvalidInputError: 'INVALID_INPUT', ConnectError: 'CONNECT', TimeoutError: 'TIMEOUT',
  DecodeError: 'DECODE', AuthenticationError: 'AUTHENTICATION', AccessError: 'ACCESS', RateLimitError: 'RATE_LIMIT',
  LimitError: 'LIMIT', CreditError: 'CREDIT', RequestError: 'REQUEST', UnavailableError: 'UNAVAILABLE',
  CanceledError: 'ABORT_ERR',
};

function kindsOf(Class: typeof PayamakError): string[] {
  const kinds: string[] = [];
  for (let at: unknown = Class; typeof at === 'function'; at = Object.getPrototypeOf(at)) {
    if (Object.hasOwn(at, 'kind')) kinds.push((at as typeof PayamakError).kind);
  }
  return kinds;
}

function nameOf(Class: typeof PayamakError): string {
  return Object.hasOwn(Class, 'kind') ? Class.kind : Class.name;
}

/**
 * Whether something that was thrown is an error of this library; with a code, whether it is that error.
 *
 * @example
 * ```ts
 * if (isPayamakError(error, 'CREDIT')) await tellTheBoss(error.gateway);
 * ```
 */
export function isPayamakError(value: unknown, code?: ErrorCode): value is PayamakError {
  return value instanceof PayamakError && (code === undefined || value.code === code);
}

/** @internal An error of the native module. */
export function errorOf(fields: ErrorFields): PayamakError {
  return new (CLASSES[fields.type] ?? PayamakError)(fields, {});
}

/** @internal A value that the conversion itself refuses. */
export function invalid(operation: string, field: string, detail: string): InvalidInputError {
  return new InvalidInputError({
    type: 'InvalidInputError',
    message: `${operation}: ${field} is ${detail}. Nothing was sent.`,
    operation,
    field,
    outcome: 'not_sent',
    retry: 'never',
  });
}

/** @internal A setting that the conversion itself refuses. */
export function setting(field: string, detail: string): ConfigurationError {
  return new ConfigurationError({
    type: 'ConfigurationError',
    message: `${field} is ${detail}. Nothing was sent.`,
    field,
    outcome: 'not_sent',
    retry: 'never',
  });
}

/** @internal A call to something that was closed. */
export function closed(operation: string): ConfigurationError {
  return new ConfigurationError({
    type: 'ConfigurationError',
    message: `${operation}: it was closed. Nothing was sent.`,
    operation,
    outcome: 'not_sent',
    retry: 'never',
  });
}

/** @internal The error of a call that was stopped. */
export function aborted(operation: string, outcome: Outcome, cause: unknown, receipts: Report | null = null): AbortError {
  const may = outcome === 'unclear' ? 'It may have gone through.' : 'Nothing was sent.';
  const fields = {
    type: 'CanceledError',
    message: `${operation}: the call was stopped. ${may}`,
    operation,
    outcome,
    retry: outcome === 'unclear' ? 'check_first' : 'never',
  };
  return new AbortError(fields, { cause, receipts });
}
