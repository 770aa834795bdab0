/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Send SMS through Iran's gateways, safely: every message ends in exactly one known outcome, and nothing is sent twice.
 *
 * Two levels. {@link PayamResan} and {@link NikSms} have one method an operation of the gateway, with nothing hidden. A
 * {@link Messenger} takes any number of messages, sends them through one or more gateways, and answers with a receipt each.
 *
 * @packageDocumentation
 */
import { native } from './native.js';

export type { CallOptions, Signal } from './call.js';
export type { Id, Recipient, SenderLine } from './convert.js';
export {
  AbortError, AccessError, AuthenticationError, ConfigurationError, ConnectError, CreditError, DecodeError, GatewayError,
  InvalidInputError, LimitError, PayamakError, RateLimitError, RequestError, TimeoutError, UnavailableError, isPayamakError,
  type Code, type ErrorCode, type Hint, type Open, type Outcome, type Retry,
} from './errors.js';
export {
  Gateway, NikSms, PayamResan,
  type AccountInfo, type Delivery, type DeliveryReason, type DeliveryRow, type DeliveryState, type DeliveryStatus,
  type Destination, type Dialect, type GatewaySettings, type IncomingMessage, type Jsonable, type NikSmsOneOptions,
  type NikSmsSendOptions, type NikSmsSettings, type PayamResanSettings, type PersonalMessage, type RangeOptions,
  type SendBatch, type SenderOptions, type Sent, type StatusRow, type Template, type TemplateMessage, type TemplateSent,
  type TokenOptions, type TraceStatus,
} from './gateways.js';
export {
  Messenger,
  type Balance, type DeliveryReport, type Message, type MessengerSendOptions, type MessengerSettings, type Progress,
  type ReceiveOptions, type Received, type SendOptions, type TrackOptions,
} from './messenger.js';
export { Report, type Counts, type KeptReceipt, type Receipt, type SendOutcome } from './receipts.js';
export { msisdn, segments, traceIdFromKey, type KeyKind, type Msisdn, type Segments } from './text.js';

/** The version of the library. */
export const version: string = native.version();
