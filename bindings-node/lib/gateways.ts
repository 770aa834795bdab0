/// <reference lib="esnext.disposable" preserve="true" />
import type { Packed } from './bridge.js';
import { Work, request, type CallOptions } from './call.js';
import {
  idText, idsOf, list, making, numberText, optionalId, senderText, settingsText, text, texts, timeText,
  type Id, type Recipient, type SenderLine,
} from './convert.js';
import { invalid, type Code, type Open } from './errors.js';
import { NATIVE, asyncDispose, hide, inspect, native } from './native.js';
import { deliveriesOf, sentOf, statusesOf } from './statuses.js';

type Handle = InstanceType<typeof native.Gateway>;

/** Settings of both gateways. Times are in milliseconds. */
export interface GatewaySettings {
  /** What the gateway is called in receipts and errors. Two accounts of one gateway in a messenger need two names. */
  name?: string | undefined;
  /** Where the gateway is, when it is not at its published address. An address without a path gets the gateway's own. */
  baseUrl?: string | undefined;
  /** The line to send from, unless a call names another. */
  sender?: SenderLine | undefined;
  /** How long one request may take; 15,000 unless set. */
  timeout?: number | undefined;
  /** How long connecting may take; 5,000 unless set. */
  connectTimeout?: number | undefined;
  /** The longest answer that is read, in bytes; unless set 1,048,576 (1 MiB), and 8,388,608 (8 MiB) of an inbox. */
  maxResponseBytes?: number | undefined;
  /** How often a call that neither sends nor takes anything away is tried when the connection fails; 3 unless set. */
  readAttempts?: number | undefined;
  /** A proxy instead of the one that the usual environment variables name. */
  proxy?: string | undefined;
  /** One more certificate authority to trust, as PEM. */
  extraCaPem?: string | undefined;
  /** The same, from a file. */
  caFile?: string | undefined;
  /** Trust the roots that come with this library instead of the system's. */
  bundledRoots?: boolean | undefined;
  /**
   * Send the credentials over plain http to a host that is not this machine. Whoever is on the way can read them, and so can a
   * proxy that the environment names.
   */
  allowInsecure?: boolean | undefined;
}

/** Settings of {@link PayamResan}. */
export interface PayamResanSettings extends GatewaySettings {
  /** The key of the panel. */
  apiKey?: string | undefined;
  /** Use the gateway's own sandbox: any key, nothing is sent, no templates. */
  sandbox?: boolean | undefined;
}

/** The four wire forms of NikSMS. */
export type Dialect = Open<'public-api' | 'soap' | 'v2' | 'web-service'>;

/** Settings of {@link NikSms}. */
export interface NikSmsSettings extends GatewaySettings {
  /** Which wire form to speak; `public-api` unless set. */
  dialect?: Dialect | undefined;
  /** The user name, for every dialect but `web-service`. */
  username?: string | undefined;
  /** The password, for every dialect but `web-service`. */
  password?: string | undefined;
  /** The API key, for the dialect `web-service`. */
  apiKey?: string | undefined;
  /** Where `v2` answers for deliveries, below its base address. Nobody has published it. */
  v2DeliveryPath?: string | undefined;
  /** The most recipients (and ids) of one request; 100 unless set. */
  maxRecipients?: number | undefined;
  /** How long a messenger leaves between two questions about one message; a minute unless set. */
  pollInterval?: number | undefined;
}

/** A recipient of one text, and what its message is known by. */
export interface Destination {
  to: Recipient;
  /** Without one, nobody can ask after an unclear failure whether it was sent. */
  traceId?: Id | undefined;
}

/** A text of its own for one recipient. */
export interface PersonalMessage {
  to: Recipient;
  text: string;
  traceId?: Id | undefined;
  sender?: SenderLine | undefined;
}

/** A recipient of a template, with what fills it. */
export interface TemplateMessage {
  to: Recipient;
  /** `parameters[0]` fills `{1}`; at most 10. */
  parameters: readonly string[];
  traceId?: Id | undefined;
}

/** A result that `JSON.stringify` can write: its ids become strings. */
export interface Jsonable {
  toJSON(): Record<string, unknown>;
}

/** A message that the gateway has taken. */
export interface Sent extends Jsonable {
  readonly messageId: bigint | null;
  readonly traceId: bigint | null;
}

/** A message that the gateway has made of a template. */
export interface TemplateSent extends Sent {
  readonly sender: string | null;
  /** The text that went out. */
  readonly text: string | null;
}

/** A template of the account. */
export interface Template extends Jsonable {
  readonly key: string;
  readonly text: string | null;
  readonly voice: string | null;
  readonly status: Code;
}

/** Where a message is. */
export type DeliveryState = Open<
  'scheduled' | 'queued' | 'sent' | 'delivered' | 'failed' | 'not_sent' | 'not_found' | 'unknown'
>;

/** Why a message was not delivered. */
export type DeliveryReason = Open<
  | 'blacklisted' | 'opted_out' | 'advertising_blocked' | 'invalid_number' | 'text_filtered' | 'expired' | 'canceled'
  | 'duplicate' | 'operator' | 'unreachable' | 'limit' | 'credit' | 'account' | 'blocked' | 'other'
>;

/** What a gateway's delivery code means, the same for every gateway. */
export interface Delivery {
  readonly state: DeliveryState;
  readonly reason: DeliveryReason | null;
  /** True when asking again will not change the answer. */
  readonly isFinal: boolean;
}

/** A gateway's delivery code, with what it means. */
export interface DeliveryStatus extends Code {
  readonly delivery: Delivery;
}

/** What became of a message. */
export interface StatusRow extends Jsonable {
  readonly messageId: bigint | null;
  readonly traceId: bigint | null;
  readonly status: DeliveryStatus;
}

/** The account's credit and lines. */
export interface AccountInfo extends Jsonable {
  /** In rials. */
  readonly credit: number;
  readonly senderLines: readonly string[];
}

/** A message that somebody sent to one of the account's lines. */
export interface IncomingMessage extends Jsonable {
  readonly messageId: bigint | null;
  readonly text: string;
  /** Who sent it, as the gateway writes it. */
  readonly from: string;
  /** The line it came to, as the gateway writes it. */
  readonly to: string;
  /** When, as the gateway writes it: neither gateway documents the format or the zone. */
  readonly time: string | null;
  /** NikSMS: whether it was relayed to the account's own address. */
  readonly isRelayed?: boolean;
}

/** What a send of NikSMS answers: `successful`, or `warning`, which was sent too. */
export interface SendBatch extends Jsonable {
  readonly status: Code;
  /** The gateway's id of the whole request. */
  readonly id: string | null;
  readonly warning: string | null;
  /** In the order of the recipients. */
  readonly messageIds: readonly bigint[];
}

/** What became of a message, by the gateway's id. */
export interface DeliveryRow extends Jsonable {
  readonly messageId: bigint;
  readonly status: DeliveryStatus;
}

/** What became of a message, by the caller's trace id. */
export interface TraceStatus extends Jsonable {
  readonly traceId: bigint;
  readonly messageId: bigint | null;
  readonly status: DeliveryStatus;
}

/** Options of a send. */
export interface SenderOptions extends CallOptions {
  /** The line, instead of the client's setting. */
  sender?: SenderLine | undefined;
}

/** Options of {@link PayamResan.sendTokenSingle}. */
export interface TokenOptions extends CallOptions {
  /**
   * `POST` unless set. `GET` is a last resort: the key and the one-time password stand in the address, so in the access logs of
   * whoever is on the way, and in memory until it is overwritten. `POST` does the same.
   */
  verb?: 'POST' | 'GET' | undefined;
}

/** Options of NikSMS's sends. */
export interface NikSmsSendOptions extends SenderOptions {
  /** When to send: Tehran's wall time (`2026-12-01T08:30`), a text with an offset, or a `Date`. */
  sendAt?: string | Date | undefined;
  /** `flash` shows on the screen without being kept. */
  sendType?: Open<'normal' | 'flash'> | undefined;
}

/** Options of NikSMS's sends to one. */
export interface NikSmsOneOptions extends NikSmsSendOptions {
  /** What the message is known by. */
  traceId?: Id | undefined;
}

/** A range of the inbox, in Tehran's wall time or as a `Date`. */
export interface RangeOptions extends CallOptions {
  from?: string | Date | undefined;
  until?: string | Date | undefined;
}

/**
 * What both clients have. Of the calls of one client 100 are under way at once; the others wait their turn, in order and without an
 * error. The connections of each kind of gateway are served by a thread of their own, so that neither kind holds up the other.
 */
export abstract class Gateway {
  readonly #handle: Handle;
  readonly #work = new Work();

  /** @internal */
  constructor(kind: string, settings: object) {
    if (typeof settings !== 'object' || settings === null) throw invalid('new', 'settings', 'not an object');
    const { sender } = settings as { sender?: SenderLine };
    const text = settingsText({ ...settings, sender: senderText(sender, 'new') });
    this.#handle = making(() => new native.Gateway(kind, text));
    hide(this, NATIVE, this.#handle);
  }

  /** What it is called in receipts and errors. */
  get name(): string {
    return this.#handle.name;
  }

  /** @internal A call that sends, or takes something away. */
  protected acts<T>(
    operation: string, given: object, options: CallOptions | undefined, unpack?: (answer: Packed) => T,
  ): Promise<T> {
    return this.#call(operation, JSON.stringify(given), undefined, options ?? {}, 'unclear', unpack);
  }

  /** @internal A call that may be made again without harm. */
  protected reads<T>(operation: string, given: object, options: CallOptions | undefined): Promise<T> {
    return this.#call(operation, JSON.stringify(given), undefined, options ?? {}, 'not_sent', undefined);
  }

  /** @internal A question about messages by their ids. */
  protected asks<T>(
    operation: string, ids: BigInt64Array, options: CallOptions | undefined, unpack: (answer: Packed) => T,
  ): Promise<T> {
    return this.#call(operation, '', ids, options ?? {}, 'not_sent', unpack);
  }

  async #call<T>(
    operation: string, given: string, ids: BigInt64Array | undefined, options: CallOptions, outcome: string,
    unpack: ((answer: Packed) => T) | undefined,
  ): Promise<T> {
    this.#work.begin(operation);
    try {
      return await request<T>(operation, options, outcome, (token) => (bridge, call) => {
        this.#handle.call(bridge, call, operation, given, ids, options.timeout, token);
      }, unpack);
    } finally {
      this.#work.end();
    }
  }

  /**
   * Refuses new calls, waits for those under way, and lets go of the credentials and the connections. A messenger that was made with
   * it goes on, and holds them until it is closed itself.
   */
  async close(): Promise<void> {
    await this.#work.close();
    this.#handle.close();
  }

  /** What `await using` calls: {@link close}. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  /** No more than its name: settings hold credentials. */
  toJSON(): Record<string, unknown> {
    return { name: this.name };
  }

  /** @internal Everything but the credentials. */
  [inspect](): string {
    return this.#handle.describe();
  }
}

function destinations(recipients: Iterable<Destination | Recipient>, operation: string): object[] {
  return list(recipients, operation, 'recipients').map((recipient, index) => {
    const field = `recipients[${index}]`;
    if (typeof recipient !== 'object' || recipient === null) return { to: numberText(recipient, operation, field) };
    const to = numberText(recipient.to, operation, `${field}.to`);
    return { to, trace_id: optionalId(recipient.traceId, operation, `${field}.trace_id`) };
  });
}

function personal(messages: Iterable<PersonalMessage>, operation: string): object[] {
  return list(messages, operation, 'messages').map((message, index) => {
    const field = `messages[${index}]`;
    if (typeof message !== 'object' || message === null) throw invalid(operation, field, 'not an object');
    return {
      to: numberText(message.to, operation, `${field}.to`),
      text: text(message.text, operation, `${field}.text`),
      trace_id: optionalId(message.traceId, operation, `${field}.trace_id`),
      sender: senderText(message.sender, operation, `${field}.sender`),
    };
  });
}

/**
 * A client of Payam Resan's V3: one method an operation, nothing hidden and no send repeated. Make one and share it.
 *
 * @example
 * ```ts
 * const gateway = new PayamResan({ apiKey: process.env.PAYAM_RESAN_API_KEY, sender: 30004040 });
 * const [sent] = await gateway.sendBulk('سلام', [{ to: '09121112222', traceId: 981n }]);
 * console.log(sent.messageId);
 * ```
 */
export class PayamResan extends Gateway {
  /** An error names the setting that is missing or wrong. */
  constructor(settings: PayamResanSettings = {}) {
    super('payam-resan', settings);
  }

  /** Takes what is not given from `PAYAM_RESAN_API_KEY` and `PAYAM_RESAN_SENDER`. */
  static fromEnv(settings: PayamResanSettings = {}): PayamResan {
    return new PayamResan({ ...settings, fromEnv: true } as PayamResanSettings);
  }

  /**
   * One text to up to 99 recipients, by `GET`, as a last resort: the key and the text stand in the address, so in the access logs of
   * whoever is on the way, and in memory until it is overwritten. {@link sendBulk} does the same by `POST`, and takes trace ids.
   */
  async send(recipientsText: string, recipients: Iterable<Recipient>, options?: SenderOptions): Promise<Sent[]> {
    const operation = 'send';
    const to = list(recipients, operation, 'recipients');
    return await this.acts(operation, {
      text: text(recipientsText, operation, 'text'),
      recipients: to.map((number, index) => numberText(number, operation, `recipients[${index}]`)),
      sender: senderText(options?.sender, operation),
    }, options, sentOf);
  }

  /** One text to up to 99 recipients, each with a trace id. */
  async sendBulk(
    message: string, recipients: Iterable<Destination | Recipient>, options?: SenderOptions,
  ): Promise<Sent[]> {
    const operation = 'send_bulk';
    return await this.acts(operation, {
      text: text(message, operation, 'text'),
      recipients: destinations(recipients, operation),
      sender: senderText(options?.sender, operation),
    }, options, sentOf);
  }

  /** A text, a line and a trace id each, up to 99. */
  async sendMultiple(messages: Iterable<PersonalMessage>, options?: CallOptions): Promise<Sent[]> {
    return await this.acts('send_multiple', { messages: personal(messages, 'send_multiple') }, options, sentOf);
  }

  /**
   * A template to one recipient, without a trace id: after an unclear failure nobody can ask whether it was sent.
   * {@link sendTokenMulti} with one recipient can be asked for.
   */
  async sendTokenSingle(
    template: string, to: Recipient, parameters: readonly string[], options?: TokenOptions,
  ): Promise<TemplateSent[]> {
    const operation = 'send_token_single';
    const verb = options?.verb;
    if (verb !== undefined && verb !== 'POST' && verb !== 'GET') throw invalid(operation, 'verb', 'neither POST nor GET');
    return await this.acts(operation, {
      template: text(template, operation, 'template'),
      to: numberText(to, operation, 'to'),
      parameters: texts(parameters, operation, 'parameters'),
      verb,
    }, options);
  }

  /** A template to up to 99 recipients, parameters and a trace id each. The gateway chooses the line. */
  async sendTokenMulti(
    template: string, recipients: Iterable<TemplateMessage>, options?: CallOptions,
  ): Promise<TemplateSent[]> {
    const operation = 'send_token_multi';
    return await this.acts(operation, {
      template: text(template, operation, 'template'),
      recipients: list(recipients, operation, 'recipients').map(({ to, parameters, traceId }, index) => ({
        to: numberText(to, operation, `recipients[${index}].to`),
        parameters: texts(parameters, operation, `recipients[${index}].parameters`),
        trace_id: optionalId(traceId, operation, `recipients[${index}].trace_id`),
      })),
    }, options);
  }

  /** The account's templates. */
  async tokenList(options?: CallOptions): Promise<Template[]> {
    return await this.reads('token_list', {}, options);
  }

  /** What became of up to 99 messages, by the gateway's ids. Too often, and the gateway answers with error 20. */
  async statusById(ids: Iterable<Id>, options?: CallOptions): Promise<StatusRow[]> {
    const operation = 'status_by_id';
    return await this.asks(operation, idsOf(ids, operation, 'ids'), options, statusesOf);
  }

  /** What became of up to 99 messages, by the caller's trace ids. */
  async statusByTraceId(traceIds: Iterable<Id>, options?: CallOptions): Promise<StatusRow[]> {
    const operation = 'status_by_trace_id';
    return await this.asks(operation, idsOf(traceIds, operation, 'trace_ids'), options, statusesOf);
  }

  /** The account's credit and lines. */
  async accountInfo(options?: CallOptions): Promise<AccountInfo> {
    return await this.reads('account_info', {}, options);
  }

  /**
   * The incoming messages, 10,000 at most: more are a `DecodeError`. Each is handed out once: what is fetched and then lost is lost
   * for good.
   */
  async getInbox(options?: CallOptions): Promise<IncomingMessage[]> {
    return await this.acts('get_inbox', {}, options);
  }

  /**
   * An operation that this client has no method for: `fields` goes out as JSON beside the key, and the gateway's `Result` comes
   * back as the text of its JSON, because its integers may be beyond what `JSON.parse` keeps. A `path` that is more than names and
   * single slashes, and a field that the client sets itself (`ApiKey`), are an `InvalidInputError`.
   */
  async raw(path: string, fields: Record<string, unknown> = {}, options?: CallOptions): Promise<string> {
    return await this.acts('raw', { path: text(path, 'raw', 'path'), fields }, options);
  }
}

/**
 * A client of NikSMS in one of its dialects: one method an operation, nothing hidden and no send repeated. A dialect that lacks
 * an operation says so before anything is sent.
 *
 * @example
 * ```ts
 * const gateway = new NikSms({ username: '…', password: '…', sender: '50001234' });
 * const batch = await gateway.groupSms('سلام', [{ to: '09121112222', traceId: 981 }]);
 * console.log(batch.messageIds);
 * ```
 */
export class NikSms extends Gateway {
  /** An error names the setting that is missing or wrong. */
  constructor(settings: NikSmsSettings = {}) {
    super('niksms', settings);
  }

  /** Takes what is not given from `NIKSMS_USERNAME`, `NIKSMS_PASSWORD`, `NIKSMS_API_KEY` and `NIKSMS_SENDER`. */
  static fromEnv(settings: NikSmsSettings = {}): NikSms {
    return new NikSms({ ...settings, fromEnv: true } as NikSmsSettings);
  }

  #send(operation: string, given: object, options: NikSmsSendOptions | undefined): Promise<SendBatch> {
    return this.acts(operation, {
      ...given,
      sender: senderText(options?.sender, operation),
      send_at: timeText(options?.sendAt, operation, 'send_at'),
      send_type: options?.sendType,
    }, options);
  }

  /** One text to many. Either all recipients have a trace id or none: the wire pairs them by position. */
  async groupSms(
    message: string, recipients: Iterable<Destination | Recipient>, options?: NikSmsSendOptions,
  ): Promise<SendBatch> {
    const operation = 'group_sms';
    const given = { text: text(message, operation, 'text'), recipients: destinations(recipients, operation) };
    return await this.#send(operation, given, options);
  }

  /** A text each. All go out from one line. Over `public-api` no text may hold a comma. */
  async ptpSms(messages: Iterable<PersonalMessage>, options?: NikSmsSendOptions): Promise<SendBatch> {
    return await this.#send('ptp_sms', { messages: personal(messages, 'ptp_sms') }, options);
  }

  #one(operation: string, message: string, to: Recipient, options: NikSmsOneOptions | undefined): Promise<SendBatch> {
    const given = {
      text: text(message, operation, 'text'),
      to: numberText(to, operation, 'to'),
      trace_id: optionalId(options?.traceId, operation, 'trace_id'),
    };
    return this.#send(operation, given, options);
  }

  /** One message to one recipient (`v2` and `web-service`). */
  async sendOne(message: string, to: Recipient, options?: NikSmsOneOptions): Promise<SendBatch> {
    return await this.#one('send_one', message, to, options);
  }

  /** A one-time password to one recipient (`web-service`). */
  async sendOtp(message: string, to: Recipient, options?: NikSmsOneOptions): Promise<SendBatch> {
    return await this.#one('send_otp', message, to, options);
  }

  /** What became of messages, by the gateway's ids, in their order. */
  async getSmsDelivery(ids: Iterable<Id>, options?: CallOptions): Promise<DeliveryRow[]> {
    const operation = 'get_sms_delivery';
    return await this.asks(operation, idsOf(ids, operation, 'ids'), options, deliveriesOf);
  }

  /** What became of one message, by the caller's trace id. */
  async getSmsDeliveryWithClientId(traceId: Id, options?: CallOptions): Promise<TraceStatus> {
    const operation = 'get_sms_delivery_with_client_id';
    return await this.reads(operation, { trace_id: idText(traceId, operation, 'trace_id') }, options);
  }

  /** The credit, in rials. */
  async getCredit(options?: CallOptions): Promise<number> {
    return await this.reads('get_credit', {}, options);
  }

  /** The discount credit, in rials. */
  async getDiscountCredit(options?: CallOptions): Promise<number> {
    return await this.reads('get_discount_credit', {}, options);
  }

  /** When the panel expires, as the gateway writes it. */
  async getPanelExpireDate(options?: CallOptions): Promise<string | null> {
    return await this.reads('get_panel_expire_date', {}, options);
  }

  #range(operation: string, options: RangeOptions | undefined): object {
    return {
      from: timeText(options?.from, operation, 'from'),
      until: timeText(options?.until, operation, 'until'),
    };
  }

  /**
   * The incoming messages of a range, 10,000 at most: more are a `DecodeError`. What it returns is marked as visited and not returned
   * again.
   */
  async getReceiveSms(options?: RangeOptions): Promise<IncomingMessage[]> {
    return await this.acts('get_receive_sms', this.#range('get_receive_sms', options), options);
  }

  /** Makes the incoming messages of a range unread again. */
  async resetReceiveSmsVisitedStatus(options?: RangeOptions): Promise<boolean> {
    const operation = 'reset_receive_sms_visited_status';
    return await this.reads(operation, this.#range(operation, options), options);
  }

  /** The gateway's clock, as it writes it. */
  async getServerTime(options?: CallOptions): Promise<string> {
    return await this.reads('get_server_time', {}, options);
  }

  /** The account's lines, without their leading 98. */
  async getSenderNumbers(options?: CallOptions): Promise<string[]> {
    return await this.reads('get_sender_numbers', {}, options);
  }

  /**
   * An operation that this client has no method for (`public-api`, `v2`); the body comes back as it is. A `path` that is more than
   * names and single slashes, and a field that the client sets itself (`username`, `password`), are an `InvalidInputError`.
   */
  async raw(path: string, fields: Record<string, string | number | boolean> = {}, options?: CallOptions): Promise<string> {
    return await this.acts('raw', { path: text(path, 'raw', 'path'), fields }, options);
  }
}

