import { aborted, closed, errorOf, invalid, type Outcome, type PayamakError } from './errors.js';
import { answerOf, type Answer, type Packed, type Start } from './bridge.js';
import { revive, type Tagged } from './convert.js';
import { native } from './native.js';

/** What this library needs of an `AbortSignal`; any real one fits. */
export interface Signal {
  readonly aborted: boolean;
  readonly reason?: unknown;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What every call takes, last. */
export interface CallOptions {
  /** Stops the work; the promise rejects with an {@link AbortError} whose `cause` is `signal.reason`. */
  signal?: Signal | undefined;
  /** How many milliseconds the call's request may take, instead of the client's own setting. */
  timeout?: number | undefined;
}

export type Token = InstanceType<typeof native.CancelToken>;

/** Connects a signal to a token, and says how to let go again. */
export function connect(signal: Signal | undefined, stop: () => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    stop();
    return () => undefined;
  }
  signal.addEventListener('abort', stop);
  return () => signal.removeEventListener('abort', stop);
}

/** Refuses what is no time; which times make sense is core's to say. */
export function checkMilliseconds(operation: string, field: string, value: number | undefined): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || !(value >= 0) || !Number.isFinite(value)) {
    throw invalid(operation, field, 'not a number of milliseconds from 0 up');
  }
}

const LONGEST_TIMER = 2 ** 31 - 1;

/** Milliseconds as Node's timers take them: whole, and no more than they hold. */
export function timerMilliseconds(value: number): number {
  return Math.min(Math.ceil(value), LONGEST_TIMER);
}

/** Counts what is under way, so that closing can wait for it. A call awaits its own promise alone: stack traces follow that. */
export class Work {
  #pending = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  /** Refuses what comes after the end. */
  check(operation: string): void {
    if (this.#closed) throw closed(operation);
  }

  begin(operation: string): void {
    this.check(operation);
    this.#pending += 1;
  }

  end(): void {
    this.#pending -= 1;
    if (this.#pending === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#pending > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }
}

/** Makes a native call that can be stopped, and gives its answer or throws its error. */
export async function request<T>(
  operation: string,
  { signal, timeout }: CallOptions,
  outcome: Outcome,
  start: (token: Token | undefined) => Start,
  unpack?: (answer: Packed) => T,
): Promise<T> {
  checkMilliseconds(operation, 'timeout', timeout);
  let answer: Answer;
  if (!signal) {
    answer = await answerOf(start(undefined));
  } else {
    if (signal.aborted) throw aborted(operation, 'not_sent', signal.reason);
    const token = new native.CancelToken();
    const letGo = connect(signal, () => token.cancel());
    try {
      answer = await answerOf(start(token));
    } finally {
      letGo();
    }
  }
  if (typeof answer !== 'string') return (unpack as (answer: Packed) => T)(answer as Packed);
  const tagged = JSON.parse(answer) as Tagged;
  if ('ok' in tagged) return revive<T>(tagged.ok);
  const error: PayamakError = 'err' in tagged ? errorOf(tagged.err) : aborted(operation, outcome, signal?.reason);
  throw error;
}
