/// <reference lib="esnext.disposable" preserve="true" />
import { setImmediate } from 'node:timers';

import { answerOf, type Start } from './bridge.js';
import { Work, checkTimeout, connect, request, type CallOptions, type Signal, type Token } from './call.js';
import {
  Data, list, making, numberText, optionalId, revive, senderText, settingsText, text, texts,
  type Id, type Recipient, type SenderLine, type Tagged,
} from './convert.js';
import { aborted, errorOf, invalid, type PayamakError } from './errors.js';
import { Gateway, type DeliveryStatus, type IncomingMessage, type Jsonable, type TemplateMessage } from './gateways.js';
import { NATIVE, asyncDispose, inspect, native } from './native.js';
import { Report, handleOf, type KeptReceipt, type Receipt } from './receipts.js';

/** Settings of a {@link Messenger}. Times are in milliseconds. */
export interface MessengerSettings {
  /** How many requests are in flight at once, a gateway; 10 unless set. */
  concurrency?: number | undefined;
  /** How many requests leave in a second, a gateway; as many as can be unless set. */
  rate?: number | undefined;
  /** How often one message is put into a request that leaves, at most; 4 unless set. */
  attempts?: number | undefined;
  /** How long the messages of a request are retried and asked for, from its first failure on; 60,000 unless set. */
  budget?: number | undefined;
  /** How long a slow request is given to land before the gateway's "I do not have it" is believed; 5,000 unless set. */
  settle?: number | undefined;
}

/** How far a send is. What is neither in flight nor decided still waits. */
export interface Progress {
  readonly planned: number;
  readonly inFlight: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly unclear: number;
}

/** Options of a messenger's sends. */
export interface MessengerSendOptions {
  /** Stops the send; what had become of each message stands in the error's `receipts`. */
  signal?: Signal | undefined;
  /** Stops the whole call after so many milliseconds, as a signal would. */
  timeout?: number | undefined;
  /** Called when counts have changed; many changes at once are one call. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of {@link Messenger.send}. */
export interface SendOptions extends MessengerSendOptions {
  /**
   * Names the message, so that a job that crashed and runs again sends nothing twice. In an array, however short, each message's
   * own key is this one, a colon and the recipient.
   */
  key?: string | undefined;
  /** A trace id of your own, for one recipient. */
  traceId?: Id | undefined;
  /** With a trace id of your own: ask for it before sending, as is always done for a key. */
  once?: boolean | undefined;
  /** The line, instead of the gateway's setting. */
  sender?: SenderLine | undefined;
}

/** A message with a text of its own, for {@link Messenger.sendEach}. */
export interface Message {
  to: Recipient;
  text: string;
  /** Names the message: the same key is never sent twice. */
  key?: string | undefined;
  /** A trace id of your own, instead of a key. */
  traceId?: Id | undefined;
  /** With a trace id: ask for it before sending. */
  once?: boolean | undefined;
  sender?: SenderLine | undefined;
}

/** What is known about the delivery of one message. */
export interface DeliveryReport extends Jsonable {
  /** The place of its receipt in the list that was asked about. */
  readonly index: number;
  readonly to: string;
  readonly traceId: bigint;
  readonly gateway: string | null;
  readonly messageId: bigint | null;
  /** Null while the gateway has not said anything about it. */
  readonly status: DeliveryStatus | null;
  /** Why there is no status, or no newer one. */
  readonly error: PayamakError | null;
  /** Tracking only: the deadline passed, and the message is still on its way. */
  readonly timedOut: boolean;
}

/** Options of {@link Messenger.track}. Times are in milliseconds. */
export interface TrackOptions {
  /** Stops tracking; the loop throws an {@link AbortError}. */
  signal?: Signal | undefined;
  /** How long after the start the first look is; 15,000 unless set. */
  firstLook?: number | undefined;
  /** How long to leave between two looks at one message, instead of each gateway's own rule. */
  interval?: number | undefined;
  /** How long to track at most; a day unless set. */
  deadline?: number | undefined;
}

/** Options of {@link Messenger.receive}. */
export interface ReceiveOptions {
  /** Stops receiving; the loop throws an {@link AbortError}. A request that is cut off may have taken messages out. */
  signal?: Signal | undefined;
  /** How many milliseconds to leave between two questions; 60,000 unless set. */
  interval?: number | undefined;
  /** Told of a failure, after which receiving goes on. Without it, the loop throws the first failure. */
  onError?: ((error: PayamakError) => void) | undefined;
}

/** An incoming message, with the gateway it came through. */
export interface Received extends IncomingMessage {
  readonly gateway: string;
}

/** The account behind a gateway; `error` says why it could not be asked. */
export interface Balance extends Jsonable {
  readonly gateway: string;
  /** In rials; null where it could not be asked. */
  readonly credit: number | null;
  readonly senderLines: readonly string[];
  readonly error: PayamakError | null;
}

// Small enough that handing one chunk over takes well under a millisecond.
const CHUNK = 250;

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

type Row = object | string;

/**
 * Sends messages safely, and follows them until they are delivered. Every message handed over ends in exactly one known outcome,
 * and nothing is sent twice. Make one and share it.
 *
 * @example
 * ```ts
 * const messenger = new Messenger([PayamResan.fromEnv(), NikSms.fromEnv()], { rate: 20 });
 * const report = await messenger.send('جلسه ساعت ۵ است.', ['09121112222'], { key: 'meeting-7' });
 * for await (const change of messenger.track(report)) console.log(change.index, change.status?.delivery.state);
 * ```
 */
export class Messenger {
  readonly #handle: InstanceType<typeof native.Messenger>;
  readonly #work = new Work();
  readonly #gateways: string[];
  readonly #streams = new Set<InstanceType<typeof native.Changes>>();

  /** The first gateway is the one that is used; the others take what those before them certainly did not. */
  constructor(gateways: Gateway | Iterable<Gateway>, settings: MessengerSettings = {}) {
    const one = (gateways as { [NATIVE]?: unknown } | null)?.[NATIVE] !== undefined;
    const all = one ? [gateways as Gateway] : list(gateways as Iterable<Gateway>, 'new', 'gateways');
    const handles = all.map((gateway, index) => {
      const handle = (gateway as { [NATIVE]?: unknown } | null)?.[NATIVE];
      if (!handle) throw invalid('new', `gateways[${index}]`, 'neither a PayamResan nor a NikSms');
      return handle as InstanceType<typeof native.Gateway>;
    });
    this.#gateways = handles.map((handle) => handle.name);
    this.#handle = making(() => new native.Messenger(handles, settingsText(settings)));
  }

  /**
   * One text to one recipient or to any number of them. A receipt a message, in input order: a partial failure is data; only a
   * call that could not begin, or was stopped, throws.
   */
  async send(message: string, to: Recipient | Iterable<Recipient>, options: SendOptions = {}): Promise<Report> {
    const operation = 'send';
    const { key, traceId, once, sender } = options;
    text(message, operation, 'text');
    if (key !== undefined) text(key, operation, 'key');
    const one = typeof to === 'string' || typeof to !== 'object' || to === null;
    const numbers = one ? [to as Recipient] : list(to as Iterable<Recipient>, operation, 'to');
    if (traceId == null && !once && sender == null) {
      const row = (number: Recipient, index: number): string =>
        numberText(number, operation, one ? 'to' : `to[${index}]`);
      return await this.#send(operation, { kind: 'send', text: message, key: key ?? null, one }, numbers, row, options);
    }
    if (traceId != null && !one) {
      throw invalid(operation, 'trace_id', 'given for a list; use sendEach, with a trace id a message');
    }
    const shared = {
      text: message,
      trace_id: optionalId(traceId, operation, 'trace_id'),
      once: once ?? false,
      sender: senderText(sender, operation),
    };
    if (key !== undefined && !one) {
      throw invalid(operation, 'sender', 'given together with a key for a list; use sendEach, with a key a message');
    }
    const row = (number: Recipient, index: number): object => ({
      ...shared,
      to: numberText(number, operation, one ? 'to' : `to[${index}]`),
      key,
    });
    return await this.#send(operation, { kind: 'each' }, numbers, row, options);
  }

  /**
   * Messages with a text (and a line, and a key or a trace id) each.
   *
   * @example
   * ```ts
   * await messenger.sendEach(orders.map((order) => ({ to: order.phone, text: order.text, key: `order-${order.id}:paid` })));
   * ```
   */
  async sendEach(
    messages: Iterable<Message> | AsyncIterable<Message>, options: MessengerSendOptions = {},
  ): Promise<Report> {
    const operation = 'send_each';
    const row = (message: Message, index: number): object => {
      const field = `messages[${index}]`;
      if (typeof message !== 'object' || message === null) throw invalid(operation, field, 'not an object');
      const { key, once } = message;
      return {
        to: numberText(message.to, operation, `${field}.to`),
        text: message.text == null ? '' : text(message.text, operation, `${field}.text`),
        key: key == null ? undefined : text(key, operation, `${field}.key`),
        trace_id: optionalId(message.traceId, operation, `${field}.trace_id`),
        sender: senderText(message.sender, operation, `${field}.sender`),
        once: once ?? undefined,
      };
    };
    return await this.#send(operation, { kind: 'each' }, rowsOf(messages, operation, 'messages'), row, options);
  }

  /** A template to any number of recipients, with parameters each, by the first gateway that has templates. */
  async sendTemplate(
    template: string, recipients: Iterable<Omit<TemplateMessage, 'traceId'>>, options: MessengerSendOptions = {},
  ): Promise<Report> {
    const operation = 'send_template';
    text(template, operation, 'template');
    const row = ({ to, parameters }: Omit<TemplateMessage, 'traceId'>, index: number): object => ({
      to: numberText(to, operation, `recipients[${index}].to`),
      parameters: texts(parameters, operation, `recipients[${index}].parameters`),
    });
    return await this.#send(operation, { kind: 'template', template }, list(recipients, operation, 'recipients'), row, options);
  }

  async #send<T>(
    operation: string, plan: object, messages: T[] | Iterable<T> | AsyncIterable<T>,
    row: (message: T, index: number) => Row, options: MessengerSendOptions,
  ): Promise<Report> {
    checkTimeout(operation, options.timeout);
    this.#work.begin(operation);
    try {
      return await this.#sendRows(operation, plan, messages, row, options);
    } finally {
      this.#work.end();
    }
  }

  async #sendRows<T>(
    operation: string, plan: object, messages: T[] | Iterable<T> | AsyncIterable<T>,
    row: (message: T, index: number) => Row, { signal, timeout, onProgress }: MessengerSendOptions,
  ): Promise<Report> {
    const limit = timeout === undefined ? undefined : AbortSignal.timeout(timeout);
    const handle = new native.Receipts(JSON.stringify(plan));
    if (Array.isArray(messages) && messages.length <= CHUNK) handle.push(JSON.stringify(messages.map(row)));
    else await handOver(handle, messages, row);
    const cancel = (): void => handle.cancel();
    const letGo = [connect(signal, cancel), connect(limit, cancel)];
    const over = onProgress && new native.CancelToken();
    const watching = over && watch(handle, over, onProgress);
    let answer: string;
    try {
      answer = await answerOf((bridge, call) => handle.send(bridge, call, this.#handle));
    } finally {
      over?.cancel();
      for (const go of letGo) go();
    }
    await watching;
    const tagged = JSON.parse(answer) as Tagged;
    if ('ok' in tagged) return new Report(handle);
    if ('err' in tagged) throw errorOf(tagged.err);
    const report = new Report(handle);
    const cause = signal?.aborted ? signal.reason : limit?.reason;
    throw aborted(operation, report.counts.unclear > 0 ? 'unclear' : 'not_sent', cause, report);
  }

  /** What became of messages, asked for once: a report each, in the order of the receipts. */
  async delivery(
    receipts: Report | Iterable<Receipt | KeptReceipt>, options: Pick<CallOptions, 'signal'> = {},
  ): Promise<DeliveryReport[]> {
    const handle = handleOf(receipts, 'delivery');
    const start = (token?: Token): Start => (bridge, call) => this.#handle.delivery(bridge, call, handle, token);
    return await this.#ask<DeliveryReport[]>('delivery', options.signal, start);
  }

  /** The credit and the lines of each gateway, in their order; one that cannot be asked has an `error` in its place. */
  async balance(options: Pick<CallOptions, 'signal'> = {}): Promise<Balance[]> {
    const start = (token?: Token): Start => (bridge, call) => this.#handle.balance(bridge, call, token);
    const answers = await this.#ask<{ ok?: object; error?: PayamakError }[]>('balance', options.signal, start);
    return answers.map(({ ok, error = null }, index) => {
      const fields = ok ? { ...ok, error } : { gateway: this.#gateways[index], credit: null, senderLines: [], error };
      return Object.assign(new Data(), fields) as unknown as Balance;
    });
  }

  async #ask<T>(
    operation: string, signal: Signal | undefined, start: (token: Token | undefined) => Start,
  ): Promise<T> {
    this.#work.begin(operation);
    try {
      return await request<T>(operation, { signal }, 'not_sent', start);
    } finally {
      this.#work.end();
    }
  }

  /**
   * Follows messages until each is final or the deadline passes: a report whenever a status has changed, no message asked about
   * more often than the gateway's rule allows. Leaving the loop stops it.
   *
   * @example
   * ```ts
   * for await (const change of messenger.track(report, { signal: AbortSignal.timeout(3_600_000) })) {
   *   if (change.status?.delivery.state === 'failed') console.log(change.index, change.status.delivery.reason);
   * }
   * ```
   */
  track(
    receipts: Report | Iterable<Receipt | KeptReceipt>, options: TrackOptions = {},
  ): AsyncGenerator<DeliveryReport, void, undefined> {
    this.#work.check('track');
    const { signal, firstLook, interval, deadline } = options;
    const handle = handleOf(receipts, 'track');
    const changes = making(() => this.#handle.track(handle, settingsText({ firstLook, interval, deadline })));
    return this.#stream<DeliveryReport>('track', changes, signal, undefined);
  }

  /**
   * Incoming messages, each handed out once, from all gateways that have an inbox; asks for ever. Gateways forget a message when
   * they hand it out: finish what you have begun with one before you leave the loop.
   */
  receive(options: ReceiveOptions = {}): AsyncGenerator<Received, void, undefined> {
    this.#work.check('receive');
    const { signal, interval = 60_000, onError } = options;
    if (typeof interval !== 'number') throw invalid('receive', 'interval', 'not a number of milliseconds');
    const changes = making(() => this.#handle.receive(interval));
    return this.#stream<Received>('receive', changes, signal, onError);
  }

  async *#stream<T>(
    operation: string, changes: InstanceType<typeof native.Changes>, signal: Signal | undefined,
    onError: ((error: PayamakError) => void) | undefined,
  ): AsyncGenerator<T, void, undefined> {
    this.#streams.add(changes);
    const stop = (): void => changes.close();
    const letGo = connect(signal, stop);
    try {
      for (;;) {
        const item = await answerOf<string | null>((bridge, call) => changes.next(bridge, call));
        if (signal?.aborted) throw aborted(operation, 'not_sent', signal.reason);
        if (item === null) return;
        const tagged = JSON.parse(item) as Tagged;
        if ('ok' in tagged) yield revive<T>(tagged.ok);
        else if ('err' in tagged && onError) onError(errorOf(tagged.err));
        else if ('err' in tagged) throw errorOf(tagged.err);
      }
    } finally {
      letGo();
      stop();
      this.#streams.delete(changes);
    }
  }

  /** Refuses new calls, ends the loops over `track` and `receive`, and waits for the sends under way. */
  async close(): Promise<void> {
    for (const changes of this.#streams) changes.close();
    await this.#work.close();
  }

  /** What `await using` calls: {@link close}. */
  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The names of its gateways. */
  toJSON(): Record<string, unknown> {
    return { gateways: [...this.#gateways] };
  }

  /** @internal */
  [inspect](): string {
    return `Messenger { gateways: [${this.#gateways.map((name) => `'${name}'`).join(', ')}] }`;
  }
}

function rowsOf<T>(rows: Iterable<T> | AsyncIterable<T>, operation: string, field: string): T[] | AsyncIterable<T> {
  if (typeof (rows as Partial<AsyncIterable<T>> | null)?.[Symbol.asyncIterator] === 'function') return rows as AsyncIterable<T>;
  return list(rows as Iterable<T>, operation, field);
}

/** Gives the messages to the native module in chunks, and the event loop a turn after each. */
async function handOver<T>(
  handle: InstanceType<typeof native.Receipts>, messages: Iterable<T> | AsyncIterable<T>,
  row: (message: T, index: number) => Row,
): Promise<void> {
  let index = 0;
  if (Array.isArray(messages)) {
    for (; index < messages.length; index += CHUNK) {
      if (index > 0) await turn();
      const start = index;
      const rows: Row[] = (messages.slice(start, start + CHUNK) as T[]).map((message, place) => row(message, start + place));
      handle.push(JSON.stringify(rows));
    }
    return;
  }
  let chunk: Row[] = [];
  for await (const message of messages) {
    chunk.push(row(message, index));
    index += 1;
    if (chunk.length === CHUNK) {
      handle.push(JSON.stringify(chunk));
      chunk = [];
      await turn();
    }
  }
  handle.push(JSON.stringify(chunk));
}

/** Tells of progress until the send is over; the last call has the final counts. */
async function watch(
  handle: InstanceType<typeof native.Receipts>, over: Token, onProgress: (progress: Progress) => void,
): Promise<void> {
  let seen: Progress = { planned: 0, inFlight: 0, accepted: 0, rejected: 0, unclear: 0 };
  for (;;) {
    const decided = seen.accepted + seen.rejected + seen.unclear;
    const { planned, in_flight: inFlight, accepted, rejected, unclear } = JSON.parse(
      await answerOf<string>((bridge, call) => handle.progress(bridge, call, decided, seen.inFlight, over)),
    ) as Omit<Progress, 'inFlight'> & { in_flight: number };
    const now = { planned, inFlight, accepted, rejected, unclear };
    if (accepted + rejected + unclear === decided && inFlight === seen.inFlight) return;
    seen = now;
    onProgress(now);
  }
}
