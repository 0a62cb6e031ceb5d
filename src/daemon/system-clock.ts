import type { Clock } from '../registry/index.js';

const MAX_DRIFT_MS = 2;

/** Milliseconds since no matter when, by a clock that nobody sets. `performance` has the same, and takes Node a millisecond to load. */
export function uptimeMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** What `createSteadyClock` makes. */
export function createProcessClock(): Clock {
  const startMs = Date.now() - uptimeMs();
  return () => startMs + uptimeMs();
}

/**
 * The wall clock with microseconds, in milliseconds since 1970. It follows when the system's clock is set, by more than
 * 2 milliseconds.
 *
 * @example
 * ```js
 * import { createSystemClock } from 'nsqlookupd/daemon';
 *
 * const clock = createSystemClock();
 * console.log(Math.abs(clock() - Date.now()) < 10); // true
 * ```
 */
export function createSystemClock(): Clock {
  let offsetMs = Date.now() - uptimeMs();
  return () => {
    const nowMs = offsetMs + uptimeMs();
    const driftMs = Date.now() - nowMs;
    if (Math.abs(driftMs) <= MAX_DRIFT_MS) return nowMs;
    offsetMs += driftMs;
    return nowMs + driftMs;
  };
}
