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

/**
 * The trace id that a key stands for: the same in every process and every language.
 *
 * @example
 * ```ts
 * await gateway.statusByTraceId([traceIdFromKey('order-981:paid')]);
 * ```
 */
export function traceIdFromKey(key: string): bigint {
  return BigInt(idText(unwrap<string>(native.traceIdFromKey(text(key, 'trace_id_from_key', 'key'))), 'trace_id_from_key', 'key'));
}
