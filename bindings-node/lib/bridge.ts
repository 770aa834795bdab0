import { setImmediate } from 'node:timers';

import { native } from './native.js';

/** What native code answers: canonical JSON, or numbers where they say the same; null after the end of a stream. */
export type Answer = string | Packed | null;

/** Ids (null where there is none), or the ids and the codes of statuses. */
export type Packed = readonly unknown[];

/** Starts a native call, whose answer comes back through the bridge under this number. */
export type Start = (through: InstanceType<typeof native.Bridge>, call: number) => void;

type Take = (answer: Answer | undefined) => void;

const waiting = new Map<number, Take>();
let last = 0;

const bridge = new native.Bridge(collect, () => undefined);

/** Runs in a turn of the event loop of its own, so nobody's code is on the stack: each takes its answer in a microtask. */
function collect(): void {
  const letters = bridge.collect();
  const [more] = letters;
  for (let place = 1; place < letters.length; place += 2) {
    const call = letters[place] as number;
    const take = waiting.get(call);
    waiting.delete(call);
    take?.(letters[place + 1] as Answer | undefined);
  }
  if (more === true) setImmediate(collect);
}

/** Makes a native call, and promises its answer. */
export function answerOf<Kind extends Answer = Answer>(start: Start): Promise<Kind> {
  return new Promise((resolve, reject) => {
    last = (last + 1) >>> 0;
    const call = last;
    start(bridge, call);
    waiting.set(call, (answer) => {
      if (answer === undefined) reject(new Error('payamak: native code ended a call without an answer'));
      else resolve(answer as Kind);
    });
  });
}
