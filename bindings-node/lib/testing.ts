/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Both gateways on loopback, for tests: on their real paths, with state, delivery in time, and faults on request. No account, no
 * network, no message to anybody.
 *
 * @packageDocumentation
 */
import { idText, numberText, settingsText, type Id, type Recipient } from './convert.js';
import type { Open } from './errors.js';
import type { NikSmsSettings, PayamResanSettings } from './gateways.js';
import { asyncDispose, inspect, native } from './native.js';
import { camelToSnake, snakeToCamel } from './names.js';

/** What an emulator is like. Every setting has a default; times are in milliseconds. */
export interface EmulatorOptions {
  /** The address to listen on; a free port of 127.0.0.1 unless set. */
  listen?: string | undefined;
  /** Lets `listen` name an address that other machines reach, and answers to clients that call it by any address. */
  allowNonLoopback?: boolean | undefined;
  /**
   * Hosts that clients may call it by too, names or addresses; a port does not count. A request whose `Host` is neither of them nor
   * `localhost`, a name below it or a loopback address is refused with 421: a page in a browser on this machine may have let its own
   * name point here.
   */
  allowHosts?: readonly string[] | undefined;
  /** Emulated seconds in a real second, 1 unless set. At 0, time moves by {@link Emulator.advance} alone. */
  speed?: number | undefined;
  /** How much emulated time has to pass before Payam Resan answers again about the same message; off unless set. */
  pollingRule?: number | undefined;
  /** Whether that rule holds for ids that no message has, too. */
  pollingRuleForUnknownIds?: boolean | undefined;
  /** How much emulated time passes before a registered message is found by a lookup; none unless set. */
  lookupLag?: number | undefined;
  /** The credit both accounts start with; a message costs 1. */
  credit?: number | undefined;
  /** Where the `v2` dialect answers for deliveries. */
  v2DeliveryPath?: string | undefined;
  /** Whether {@link Emulator.requests} has something to show. */
  recordRequests?: boolean | undefined;
  /** Whether the messages' texts are kept. */
  keepTexts?: boolean | undefined;
  /** The Payam Resan key, instead of `demo-key`. */
  payamResanKey?: string | undefined;
  /** The NikSMS account, instead of `demo` and `demo-password`; give both. */
  niksmsUsername?: string | undefined;
  niksmsPassword?: string | undefined;
  /** The key of the `web-service` dialect, instead of `demo-niksms-key`. */
  niksmsKey?: string | undefined;
  /** A folder of conformance cases, served too. */
  replay?: string | undefined;
}

/** What goes wrong, for which requests, and how often. */
export interface Fault {
  /** `send` (default), `lookup`, `any`, or an operation named as in the URL: `SendBulk`. */
  operations?: Open<'send' | 'lookup' | 'any'> | undefined;
  /** Both unless given. */
  gateway?: 'payam-resan' | 'niksms' | null | undefined;
  /** How many matching requests pass before it fires the first time. */
  skip?: number | undefined;
  /** How many requests it hits: 1 unless given, for ever if null or `Infinity`. */
  times?: number | null | undefined;
  /**
   * `after`: the request is carried out, then the fault happens. `laterMs`: the fault happens at once, and the request is carried
   * out so many emulated milliseconds later. `before` unless given.
   */
  when?: 'before' | 'after' | { laterMs: number } | undefined;
  /**
   * What the client sees. `status` comes with a page, `statusJson` with the JSON of a proxy; `code` is the gateway's own refusal,
   * and with `halfTaken` it has registered the first half of the batch before.
   */
  then:
    | 'never' | 'close' | 'half' | 'garbage' | 'html' | 'drop_rows' | 'shuffle_rows' | 'no_rows' | 'round_ids' | 'extra_row'
    | 'contradict_rows' | 'late'
    | { status: number } | { statusJson: number } | { code: number } | { halfTaken: number } | { delayMs: number };
}

/** A message as a gateway registered it. */
export interface RegisteredMessage {
  readonly gateway: Open<'payam-resan' | 'niksms'>;
  readonly dialect: string;
  readonly operation: string;
  readonly id: bigint;
  readonly traceId: bigint | null;
  readonly to: string;
  readonly sender: string;
  readonly text: string;
  readonly template: string | null;
  /** In emulated seconds since the start. */
  readonly registeredAt: number;
  /** The gateway's status code now. */
  readonly status: number;
}

/** A request that came to a gateway. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  readonly operation: string | null;
}

/** How a replayed case went. */
export interface Verdict {
  readonly complete: boolean;
  readonly mismatches: readonly string[];
}

interface About {
  url: string;
  payamResanUrl: string;
  payamResanSandboxUrl: string;
  niksmsSoapUrl: string;
  niksmsPublicApiUrl: string;
  niksmsV2Url: string;
  niksmsWebServiceUrl: string;
  v2DeliveryPath: string;
  payamResanKey: string;
  niksmsUsername: string;
  niksmsPassword: string;
  niksmsKey: string;
}

function camel<T>(value: unknown): T {
  if (Array.isArray(value)) return value.map((item) => camel(item)) as T;
  if (typeof value !== 'object' || value === null) return value as T;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [snakeToCamel(key), camel(item)])) as T;
}

/** `{ delayMs: 5 }` as `{ delay_ms: 5 }`. */
function snake(value: string | object | undefined): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [camelToSnake(key), item]));
}

function faultOf(fault: Fault): object {
  const { operations, gateway, skip, times, when, then } = fault;
  return { operations, gateway, skip, times: times === Infinity ? null : times, when: snake(when), then: snake(then) };
}

/**
 * Both gateways, listening on a thread of their own. An idle one does not keep the process alive.
 *
 * @example
 * ```ts
 * const emulator = await Emulator.start();
 * const messenger = new Messenger([new PayamResan(emulator.payamResan())]);
 * emulator.addFault({ when: 'after', then: 'close' }); // registered, but nobody is told
 * const [receipt] = await messenger.send('سلام', '09121112222');
 * assert.equal(receipt.outcome, 'accepted');
 * assert.equal(emulator.registrations(receipt.traceId), 1); // sent once, whatever happened
 * emulator.stop();
 * ```
 */
export class Emulator {
  readonly #handle: InstanceType<typeof native.Emulator>;
  readonly #about: About;
  readonly #options: EmulatorOptions;

  /** @internal */
  constructor(options: EmulatorOptions) {
    this.#handle = new native.Emulator(settingsText(options));
    this.#about = camel(JSON.parse(this.#handle.about()));
    this.#options = options;
  }

  /** Starts one. When the promise resolves, it listens. */
  static async start(options: EmulatorOptions = {}): Promise<Emulator> {
    return new Emulator(options);
  }

  /** The origin, `http://127.0.0.1:PORT`: the `baseUrl` of either gateway. */
  get url(): string {
    return this.#about.url;
  }

  /** The base address of Payam Resan's V3. */
  get payamResanUrl(): string {
    return this.#about.payamResanUrl;
  }

  /** The base address of Payam Resan's own sandbox. */
  get payamResanSandboxUrl(): string {
    return this.#about.payamResanSandboxUrl;
  }

  /** The addresses of NikSMS's dialects. */
  get niksmsUrls(): { readonly soap: string; readonly 'public-api': string; readonly v2: string; readonly 'web-service': string } {
    const { niksmsSoapUrl, niksmsPublicApiUrl, niksmsV2Url, niksmsWebServiceUrl } = this.#about;
    return { soap: niksmsSoapUrl, 'public-api': niksmsPublicApiUrl, v2: niksmsV2Url, 'web-service': niksmsWebServiceUrl };
  }

  /** Settings for a `PayamResan` that sends here. */
  payamResan(settings: PayamResanSettings = {}): PayamResanSettings {
    const apiKey = this.#options.payamResanKey ?? this.#about.payamResanKey;
    return { apiKey, sender: '30004040', baseUrl: this.#about.payamResanUrl, ...settings };
  }

  /** Settings for a `NikSms` that sends here. */
  niksms(settings: NikSmsSettings = {}): NikSmsSettings {
    const dialect = settings.dialect ?? 'public-api';
    const baseUrl = (this.niksmsUrls as Record<string, string>)[dialect];
    const credentials = dialect === 'web-service'
      ? { apiKey: this.#options.niksmsKey ?? this.#about.niksmsKey }
      : {
          username: this.#options.niksmsUsername ?? this.#about.niksmsUsername,
          password: this.#options.niksmsPassword ?? this.#about.niksmsPassword,
        };
    const v2 = dialect === 'v2' ? { v2DeliveryPath: this.#about.v2DeliveryPath } : {};
    return { ...credentials, ...v2, sender: '50001234', baseUrl, ...settings };
  }

  /** Every registered message of both gateways, in the order of registering. */
  messages(): RegisteredMessage[] {
    const rows = camel<(Omit<RegisteredMessage, 'id' | 'traceId'> & { id: string; traceId: string | null })[]>(
      JSON.parse(this.#handle.messages()),
    );
    return rows.map((row) => ({ ...row, id: BigInt(row.id), traceId: row.traceId === null ? null : BigInt(row.traceId) }));
  }

  /** How many messages are registered. */
  get messageCount(): number {
    return this.#handle.messageCount();
  }

  /** How many messages are registered with this trace id. More than one means that somebody got the message twice. */
  registrations(traceId: Id): number {
    return this.#handle.registrations(idText(traceId, 'registrations', 'trace_id'));
  }

  /** The requests that came to the gateways, in order. */
  requests(): RequestRecord[] {
    return camel(JSON.parse(this.#handle.requests()));
  }

  /** How many requests came. */
  get requestCount(): number {
    return this.#handle.requestCount();
  }

  /** How many TCP connections were accepted. */
  get connectionCount(): number {
    return this.#handle.connectionCount();
  }

  /** Forgets messages, requests, counts, faults and what is to be refused, and gives the credit back. */
  clear(): void {
    this.#handle.clear();
  }

  /** Replaces all faults to come. */
  setFaults(faults: readonly Fault[]): void {
    this.#handle.faults(JSON.stringify(faults.map(faultOf)));
  }

  /** Adds a fault behind those to come. */
  addFault(fault: Fault): void {
    this.#handle.addFault(JSON.stringify(faultOf(fault)));
  }

  /** The faults that are not used up. */
  pendingFaults(): Fault[] {
    return camel(JSON.parse(this.#handle.pendingFaults()));
  }

  /** From now on both gateways refuse every request with a message that contains this word. Words add up. */
  refuseText(word: string): void {
    this.#handle.refuseText(word);
  }

  /** From now on both gateways refuse every request with a message to this number. Numbers add up. */
  refuseNumber(number: Recipient): void {
    this.#handle.refuseNumber(numberText(number, 'refuseNumber', 'number'));
  }

  /** Emulated milliseconds since the start. */
  get now(): number {
    return this.#handle.now();
  }

  /** Moves emulated time forward by so many milliseconds: statuses move without anybody waiting. */
  advance(milliseconds: number): void {
    this.#handle.advance(milliseconds);
  }

  /** Fixes the status of a message. False if no message has this id. */
  setStatus(messageId: Id, code: number): boolean {
    return this.#handle.setStatus(idText(messageId, 'setStatus', 'message_id'), code);
  }

  /** Puts a message from a phone into the inbox of the gateway whose line it was sent to, and gives its id. */
  receive(message: { from: string; to: string; text: string }): bigint {
    return BigInt(this.#handle.receive(message.from, message.to, message.text));
  }

  /** What is left of a gateway's credit. */
  credit(gateway: 'payam-resan' | 'niksms'): number {
    return this.#handle.credit(gateway);
  }

  /** Sets a gateway's credit. */
  setCredit(gateway: 'payam-resan' | 'niksms', credit: number): void {
    this.#handle.setCredit(gateway, credit);
  }

  /** The names of the cases it replays, sorted. */
  replayCases(): string[] {
    return this.#handle.replayCases();
  }

  /** The base address under which a case is replayed. */
  replayUrl(name: string): string {
    return this.#handle.replayUrl(name);
  }

  /** How a case has gone so far. */
  replayVerdict(name: string): Verdict {
    return JSON.parse(this.#handle.replayVerdict(name)) as Verdict;
  }

  /** Starts a case again. False if it is not there. */
  replayReset(name: string): boolean {
    return this.#handle.replayReset(name);
  }

  /** Stops it: when this returns, nothing listens any more. */
  stop(): void {
    this.#handle.shutdown();
  }

  /** What `await using` calls: {@link stop}. */
  async [asyncDispose](): Promise<void> {
    this.stop();
  }

  /** @internal */
  [inspect](): string {
    return `Emulator { url: '${this.url}' }`;
  }
}
