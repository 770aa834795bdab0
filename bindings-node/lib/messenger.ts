/// <reference lib="esnext.disposable" preserve="true" />
import process from 'node:process';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

import { answerOf, type Start } from './bridge.js';
import {
  Work, checkMilliseconds, connect, request, timerMilliseconds, type CallOptions, type Signal, type Token,
} from './call.js';
import {
  Data, idText, list, making, numberText, optionalId, revive, senderText, settingsText, text, texts,
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
  /**
   * How long a request whose connection broke is given to land before the gateway's "I do not have it" is believed; 5,000 unless
   * set. After a timeout it is at least the gateway's own `timeout`.
   */
  settle?: number | undefined;
  /** How long a send may take, unless it sets its own `deadline`; without a limit unless set. */
  deadline?: number | undefined;
  /** Whether a message whose answer was lost, and which the gateway does not have, is sent again; true unless set. */
  resend?: boolean | undefined;
  /**
   * Which gateways are asked for a message with a key before it is sent: `every` one (the default), or the `first` one that can be
   * asked. With `first` a gateway that is down holds nothing up, but what an earlier run sent by another one can go out twice.
   */
  ask?: 'every' | 'first' | undefined;
  /**
   * The secret that keys are made into trace ids with, so that nobody who chooses a key can aim at another one's id;
   * `PAYAMAK_KEY_SECRET` unless set. Another secret makes every key a new one: use the same in all processes.
   */
  keySecret?: string | undefined;
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
  /**
   * Names the messages that have neither a key nor a trace id of their own, so that a job that crashed and runs again sends
   * nothing twice: a single recipient's message by the key itself, each message of a list, however short, by the key and its
   * recipient. The same key with another text is refused while the first is remembered.
   *
   * It holds between runs one after the other, and at the same moment among all messengers that share a client. It does not hold
   * for two processes (or worker threads, or clients) at the same moment. Never let an outsider choose a whole key.
   */
  key?: string | undefined;
  /**
   * How many milliseconds the call may take, a day at most. It answers by then, with a report: what may have been sent is
   * `unclear`, what has not left is `rejected`, both with a {@link TimeoutError}. The messenger's own unless set.
   */
  deadline?: number | undefined;
  /** The line, for the messages that name none. A template goes out from the gateway's own: there it is refused. */
  sender?: SenderLine | undefined;
  /** With a trace id of your own: ask for it before sending, as is always done for a key. */
  once?: boolean | undefined;
  /** Stops the send; what had become of each message stands in the error's `receipts`. */
  signal?: Signal | undefined;
  /** Stops the whole call after so many milliseconds, as a signal would: it throws. To have a report instead, set a `deadline`. */
  timeout?: number | undefined;
  /** Called when counts have changed; many changes at once are one call. What it throws becomes a warning of the process. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Options of {@link Messenger.send}. */
export interface SendOptions extends MessengerSendOptions {
  /** A trace id of your own, for one recipient. */
  traceId?: Id | undefined;
}

/** A message with a text of its own, for {@link Messenger.sendEach}. */
export interface Message {
  to: Recipient;
  text: string;
  /** Names the message, as {@link MessengerSendOptions.key} does. One key for two recipients is two messages. */
  key?: string | undefined;
  /** A trace id of your own, instead of a key. */
  traceId?: Id | undefined;
  /** With a trace id: ask for it before sending. */
  once?: boolean | undefined;
  /** The line, instead of the gateway's setting. */
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
  /** How long to leave between two looks at one message, instead of each gateway's own rule; more than 0. */
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

const SEND_OPTIONS = ['key', 'deadline', 'sender', 'once', 'signal', 'timeout', 'onProgress'];

/** Refuses options that there are not: a misspelt key would be a message without one. */
function checkOptions(operation: string, options: object, known: readonly string[] = SEND_OPTIONS): void {
  if (typeof options !== 'object' || options === null) throw invalid(operation, 'options', 'not an object');
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(operation, unknown, 'no option of this call');
}

/**
 * Sends messages safely, and follows them until they are delivered. Every message handed over ends in exactly one known outcome,
 * and nothing is sent twice; the README says where that has its limits. Make one and share it: what one client has sent, it
 * remembers for every messenger that uses it.
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
  readonly #deadline: number | undefined;

  /** The first gateway is the one that is used; the others take what those before them certainly did not. */
  constructor(gateways: Gateway | Iterable<Gateway>, settings: MessengerSettings = {}) {
    const one = (gateways as { [NATIVE]?: unknown } | null)?.[NATIVE] !== undefined;
    const all = one ? [gateways as Gateway] : list(gateways as Iterable<Gateway>, 'new', 'gateways');
    const handles = all.map((gateway, index) => {
      const handle = (gateway as { [NATIVE]?: unknown } | null)?.[NATIVE];
      if (!handle) throw invalid('new', `gateways[${index}]`, 'neither a PayamResan nor a NikSms');
      return handle as InstanceType<typeof native.Gateway>;
    });
    if (typeof settings !== 'object' || settings === null) throw invalid('new', 'settings', 'not an object');
    this.#gateways = handles.map((handle) => handle.name);
    this.#deadline = settings.deadline ?? undefined;
    this.#handle = making(() => new native.Messenger(handles, settingsText(settings)));
  }

  /**
   * One text to one recipient or to any number of them. A receipt a message, in input order: a partial failure is data; only a
   * call that could not begin, or was stopped, throws.
   */
  async send(message: string, to: Recipient | Iterable<Recipient>, options: SendOptions = {}): Promise<Report> {
    const operation = 'send';
    checkOptions(operation, options, [...SEND_OPTIONS, 'traceId']);
    text(message, operation, 'text');
    const one = typeof to === 'string' || typeof to !== 'object' || to === null;
    const numbers = one ? [to as Recipient] : list(to as Iterable<Recipient>, operation, 'to');
    const numberOf = (number: Recipient, index: number): string =>
      numberText(number, operation, one ? 'to' : `to[${index}]`);
    const { traceId, key, ...rest } = options;
    if (traceId == null) {
      return await this.#send(operation, { kind: 'send', text: message, one }, numbers, numberOf, options);
    }
    if (!one) throw invalid(operation, 'trace_id', 'given for a list; use sendEach, with a trace id a message');
    // With a trace id of its own the key is the message's too: core says that they do not go together.
    const row = (number: Recipient, index: number): object => ({
      to: numberOf(number, index),
      text: message,
      trace_id: idText(traceId, operation, 'trace_id'),
      key: key == null ? undefined : text(key, operation, 'key'),
    });
    return await this.#send(operation, { kind: 'each' }, numbers, row, rest);
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
    checkOptions(operation, options);
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
    checkOptions(operation, options);
    text(template, operation, 'template');
    const row = ({ to, parameters }: Omit<TemplateMessage, 'traceId'>, index: number): object => ({
      to: numberText(to, operation, `recipients[${index}].to`),
      parameters: texts(parameters, operation, `recipients[${index}].parameters`),
    });
    return await this.#send(operation, { kind: 'template', template }, list(recipients, operation, 'recipients'), row, options);
  }

  async #send<T>(
    operation: string, what: object, messages: T[] | AsyncIterable<T>, row: (message: T, index: number) => Row,
    options: MessengerSendOptions,
  ): Promise<Report> {
    const { key, sender, once, timeout, onProgress } = options;
    const deadline = options.deadline ?? this.#deadline;
    checkMilliseconds(operation, 'timeout', timeout);
    checkMilliseconds(operation, 'deadline', deadline);
    if (once != null && typeof once !== 'boolean') throw invalid(operation, 'once', 'neither true nor false');
    if (onProgress != null && typeof onProgress !== 'function') throw invalid(operation, 'onProgress', 'not a function');
    const plan = {
      what,
      key: key == null ? undefined : text(key, operation, 'key'),
      sender: senderText(sender, operation),
      once: once ?? undefined,
      deadline,
    };
    this.#work.begin(operation);
    try {
      return await this.#sendRows(operation, plan, messages, row, options);
    } finally {
      this.#work.end();
    }
  }

  async #sendRows<T>(
    operation: string, plan: { deadline: number | undefined }, messages: T[] | AsyncIterable<T>,
    row: (message: T, index: number) => Row, { signal, timeout, onProgress }: MessengerSendOptions,
  ): Promise<Report> {
    const limit = timeout === undefined ? undefined : new Limit(timeout);
    const handle = new native.Receipts(JSON.stringify(plan));
    const reading = new Reading();
    const cancel = (): void => {
      handle.cancel();
      reading.end();
    };
    const letGo = [connect(signal, cancel), connect(limit?.signal, cancel)];
    let answer: string;
    try {
      if (Array.isArray(messages)) await handOver(handle, messages, row);
      else await reading.of(messages, plan.deadline, (source) => handOverAll(handle, source, row));
      const over = onProgress && new native.CancelToken();
      const watching = over && watch(handle, over, heedless(onProgress));
      try {
        answer = await answerOf((bridge, call) => handle.send(bridge, call, this.#handle));
      } finally {
        over?.cancel();
      }
      await watching;
    } finally {
      for (const go of letGo) go();
      limit?.clear();
    }
    const tagged = JSON.parse(answer) as Tagged;
    if ('ok' in tagged) return new Report(handle);
    if ('err' in tagged) throw errorOf(tagged.err);
    const report = new Report(handle);
    const cause = signal?.aborted ? signal.reason : limit?.signal.reason;
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
    const refuse = (field: string, detail: string): Error => invalid('track', field, detail);
    const given = settingsText({ firstLook, interval, deadline }, refuse);
    const changes = making(() => this.#handle.track(handle, given));
    return this.#stream<DeliveryReport>('track', changes, signal, undefined);
  }

  /**
   * Incoming messages, each handed out once, from all gateways that have an inbox; asks for ever. Gateways forget a message when
   * they hand it out: finish what you have begun with one before you leave the loop.
   */
  receive(options: ReceiveOptions = {}): AsyncGenerator<Received, void, undefined> {
    this.#work.check('receive');
    const { signal, interval = 60_000, onError } = options;
    checkMilliseconds('receive', 'interval', interval);
    const changes = making(() => this.#handle.receive(interval));
    return this.#stream<Received>('receive', changes, signal, onError);
  }

  async *#stream<T>(
    operation: string, changes: InstanceType<typeof native.Changes>, signal: Signal | undefined,
    onError: ((error: PayamakError) => void) | undefined,
  ): AsyncGenerator<T, void, undefined> {
    const stop = (): void => changes.close();
    const letGo = connect(signal, stop);
    try {
      // The loop may begin long after it was asked for.
      this.#work.check(operation);
      this.#streams.add(changes);
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

  /**
   * Refuses new calls, ends the loops over `track` and `receive`, waits for the sends under way, and lets go of the gateways: of those
   * that are closed too, no credential is left.
   */
  async close(): Promise<void> {
    for (const changes of this.#streams) changes.close();
    await this.#work.close();
    this.#handle.close();
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

/** Gives the messages to the native module in chunks, and the event loop a turn between two. */
async function handOver<T>(
  handle: InstanceType<typeof native.Receipts>, messages: T[], row: (message: T, index: number) => Row,
): Promise<void> {
  for (let start = 0; start < messages.length; start += CHUNK) {
    if (start > 0) await turn();
    const rows = messages.slice(start, start + CHUNK).map((message, place) => row(message, start + place));
    handle.push(JSON.stringify(rows));
  }
}

async function handOverAll<T>(
  handle: InstanceType<typeof native.Receipts>, messages: AsyncIterable<T>, row: (message: T, index: number) => Row,
): Promise<void> {
  let index = 0;
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

/** What `AbortSignal.timeout` is, but for two things: it keeps the process alive, and it ends with the call. */
class Limit {
  readonly #controller = new AbortController();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(milliseconds: number) {
    const late = (): void =>
      this.#controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    this.#timer = setTimeout(late, timerMilliseconds(milliseconds));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** The reading of a source that may take its time, and that nobody waits for once the call is to end. */
class Reading {
  #isOver = false;
  #wake: (() => void) | undefined;

  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** Lets `work` read the source until it ends, somebody ends the reading, or the deadline passes. */
  async of<T>(
    source: AsyncIterable<T>, deadline: number | undefined, work: (source: AsyncIterable<T>) => Promise<void>,
  ): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Node's timers are early by as long as the turn took in which they were set, and then there is time left.
    const look = (moment: number): void => {
      const left = moment - performance.now();
      if (left > 0) timer = setTimeout(look, timerMilliseconds(left), moment);
      else this.end();
    };
    if (deadline !== undefined) look(performance.now() + deadline);
    try {
      await work(this.#read(source));
    } finally {
      clearTimeout(timer);
    }
  }

  async *#read<T>(source: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const iterator = source[Symbol.asyncIterator]();
    // A source that ended, or failed, is not told to stop.
    let hasMore = false;
    try {
      while (!this.#isOver) {
        hasMore = false;
        const step = await this.#wait(Promise.resolve(iterator.next()));
        hasMore = step === undefined || step.done !== true;
        if (step === undefined || step.done === true) return;
        yield step.value;
      }
    } finally {
      // It may be what does not answer, and then it does not answer this either.
      const stopped = Promise.resolve(hasMore ? iterator.return?.() : undefined);
      if (this.#isOver) stopped.catch(() => undefined);
      else await this.#wait(stopped);
    }
  }

  /** What comes, or nothing once the reading is over. */
  #wait<T>(coming: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.#wake = () => resolve(undefined);
      coming.then(resolve, reject);
    });
  }
}

/** A callback whose failure is nobody's but its own: the messages are under way, and their report is not to be lost. */
function heedless(onProgress: (progress: Progress) => void): (progress: Progress) => void {
  let failed = false;
  const warn = (error: unknown): void => {
    failed = true;
    process.emitWarning(`onProgress failed, and is not called again: ${String(error)}`, 'PayamakWarning');
  };
  return (progress) => {
    if (failed) return;
    try {
      Promise.resolve(onProgress(progress) as unknown).catch(warn);
    } catch (error) {
      warn(error);
    }
  };
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
