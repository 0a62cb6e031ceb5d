import type { Timers } from '../base/timers.js';

const MAX_TICK_MS = 1000;
const TICKS = 8;

/** How often to look at deadlines, the shortest of which is `shortestMs`. */
export function toTickMs(shortestMs: number): number {
  return Math.min(MAX_TICK_MS, Math.max(1, shortestMs / TICKS));
}

/** After how many looks at least `ms` have passed, wherever between two of them it begins. */
export function toTicks(ms: number, tickMs: number): number {
  return Math.ceil(ms / tickMs) + 1;
}

/** Calls `tick` every `tickMs` for as long as it answers true, without keeping a process alive. */
export function tickWhile(timers: Timers, tickMs: number, tick: () => boolean): void {
  const next = () => {
    const handle = timers.setTimeout(() => tick() && next(), tickMs) as { unref?: () => void } | undefined;
    handle?.unref?.();
  };
  next();
}
