/** What deadlines need of a host's timers. `globalThis` has it everywhere. */
export interface Timers {
  /** Calls back once after `ms` milliseconds, fractions allowed. If what it gives has an `unref`, that is called. */
  setTimeout(callback: () => void, ms: number): unknown;
}

/** What pings, deadlines and pauses need of a host's timers. `globalThis` has it everywhere. */
export interface ClientTimers extends Timers {
  /** Forgets what `setTimeout` has given that handle for. */
  clearTimeout(handle: unknown): void;
}

/** Runtimes take a longer time for none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Calls back after `ms`, with whatever timers; `Infinity` is never, and sets none. */
export function setTimer(timers: Timers, callback: () => void, ms: number): unknown {
  return ms === Infinity ? undefined : timers.setTimeout(callback, Math.min(ms, MAX_TIMER_MS));
}

/** The runtime's own. */
export const DEFAULT_TIMERS: ClientTimers = {
  setTimeout: (callback, ms) => globalThis.setTimeout(callback, Math.min(ms, MAX_TIMER_MS)),
  clearTimeout: (handle) => globalThis.clearTimeout(handle as Parameters<typeof globalThis.clearTimeout>[0]),
};
