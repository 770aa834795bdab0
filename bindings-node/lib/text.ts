import { idText, numberText, text, unwrap, type Recipient } from './convert.js';
import type { Open } from './errors.js';
import { native } from './native.js';

/** The two forms of a mobile number. */
export interface Msisdn {
  /** `09121112222` */
  readonly national: string;
  /** `989121112222` */
  readonly international: string;
}

/**
 * Reads a mobile number as people type it, or throws an `InvalidInputError` that says why it is none.
 *
 * @example
 * ```ts
 * msisdn('+98 (912) 111-۲۲۲۲').national; // '09121112222'
 * ```
 */
export function msisdn(number: Recipient): Msisdn {
  return unwrap(native.msisdn(numberText(number, 'msisdn', 'number')));
}

/** What a text needs on the air. */
export interface Segments {
  readonly encoding: Open<'gsm7' | 'ucs2'>;
  /** GSM-7 septets, or UTF-16 code units. */
  readonly units: number;
  /** How many messages are billed; 0 for an empty text. */
  readonly segments: number;
  /** Units left in the last segment. */
  readonly unitsLeft: number;
  /** The characters that are not in GSM-7, each once and in order. */
  readonly forcedUcs2: readonly string[];
}

/**
 * Counts the segments of a text, by GSM 03.38 or by Payam Resan's own figures.
 *
 * @example
 * ```ts
 * segments('کد ورود شما: 12345').segments; // 1
 * ```
 */
export function segments(message: string, profile: Open<'gsm' | 'payam-resan'> = 'gsm'): Segments {
  return unwrap(native.segments(text(message, 'segments', 'text'), text(profile, 'segments', 'profile')));
}

/** What a key names: one message, or one message of a list whose send has a key. */
export type KeyKind = 'single' | 'list_member';

/**
 * The trace id of a key and a recipient: the same in every process and every language. `secret` is that of the messenger, its
 * `keySecret` or `PAYAMAK_KEY_SECRET`, where it has one.
 *
 * @example
 * ```ts
 * await gateway.statusByTraceId([traceIdFromKey('order-981:paid', '09121112222')]);
 * await gateway.statusByTraceId([traceIdFromKey('campaign-7', '09121112222', 'list_member')]); // of send(text, [to], { key })
 * ```
 */
export function traceIdFromKey(key: string, to: Recipient, kind: KeyKind = 'single', secret?: string): bigint {
  const operation = 'trace_id_from_key';
  const id = native.traceIdFromKey(
    text(key, operation, 'key'),
    numberText(to, operation, 'to'),
    text(kind, operation, 'kind'),
    secret == null ? undefined : text(secret, operation, 'secret'),
  );
  return BigInt(idText(unwrap<string>(id), operation, 'key'));
}
