// What is measured, the same for every subject. A subject has `send`, and `statuses`, `campaign` and `fault` where it can.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

import { idsOf } from './message.mjs';

/** CPU time of the whole process, whichever thread spent it, and the time on the wall; in seconds. */
async function timed(work) {
  const wall = process.hrtime.bigint();
  const cpu = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1e6, wall: Number(process.hrtime.bigint() - wall) / 1e9 };
}

export const jobs = {
  async send({ send }, { calls }) {
    if (!send) return undefined;
    return await timed(async () => {
      for (let call = 0; call < calls; call += 1) await send();
    });
  },

  async in_flight({ send }, { calls, width }) {
    if (!send) return undefined;
    let left = calls;
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        await send();
      }
    };
    // Counts in native code: noticing a late turn costs the subject nothing.
    const lateness = monitorEventLoopDelay({ resolution: 1 });
    lateness.enable();
    const spent = await timed(() => Promise.all(Array.from({ length: width }, lane)));
    lateness.disable();
    return { ...spent, stall: lateness.max / 1e9 };
  },

  async campaign({ campaign }, { messages }) {
    if (!campaign) return undefined;
    const to = Array.from({ length: messages }, (_, index) => `0912${String(1_000_000 + index).padStart(7, '0')}`);
    const spent = await timed(() => campaign(to));
    return { ...spent, peak: process.resourceUsage().maxRSS * 1024 };
  },

  async statuses({ statuses }, { dialect, calls, each }) {
    const ask = await statuses?.(dialect);
    if (!ask) return undefined;
    const ids = idsOf(each);
    return await timed(async () => {
      for (let call = 0; call < calls; call += 1) {
        const rows = await ask(ids);
        const first = rows[0];
        if (rows.length !== each || first.messageId === undefined || typeof first.status.delivery.isFinal !== 'boolean') {
          throw new Error(`${dialect} gave ${rows.length} statuses for ${each} ids`);
        }
      }
    });
  },

  async fault({ send, fault }, { timeout }) {
    if (!fault && !send) return undefined;
    const attempt = fault ?? (async () => {
      await send();
      return 'sent';
    });
    const start = performance.now();
    const says = await Promise.race([
      attempt().catch(({ name, message, cause }) => `${name}: ${message}${cause ? ` (${cause.message})` : ''}`),
      delay(timeout * 1000, null, { ref: false }),
    ]);
    const seconds = (performance.now() - start) / 1000;
    return says === null ? { ended: false, seconds, says: 'still waiting' } : { ended: true, seconds, says: oneLine(says) };
  },
};

function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').slice(0, 200);
}
