import type { Timers } from '../tcp/index.js';

/** What pings, deadlines and pauses need of a host's timers. `globalThis` has it everywhere. */
export interface ClientTimers extends Timers {
  /** Forgets what `setTimeout` has given that handle for. */
  clearTimeout(handle: unknown): void;
}

export const DEFAULT_CLIENT_TIMERS: ClientTimers = {
  setTimeout: (callback, ms) => globalThis.setTimeout(callback, ms),
  clearTimeout: (handle) => globalThis.clearTimeout(handle as Parameters<typeof globalThis.clearTimeout>[0]),
};

/** The promise, or a rejection with what `late` makes when it takes longer than `ms`. */
export async function within<T>(
  timers: ClientTimers,
  ms: number,
  promise: PromiseLike<T>,
  late: () => Error,
): Promise<T> {
  let handle: unknown;
  const timeout = new Promise<never>((_, reject) => (handle = timers.setTimeout(() => reject(late()), ms)));
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timers.clearTimeout(handle);
  }
}
