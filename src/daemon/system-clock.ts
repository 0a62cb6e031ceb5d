import type { Clock } from '../registry/index.js';

const MAX_DRIFT_MS = 2;

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
  let offsetMs = Date.now() - performance.now();
  return () => {
    const nowMs = offsetMs + performance.now();
    const driftMs = Date.now() - nowMs;
    if (Math.abs(driftMs) <= MAX_DRIFT_MS) return nowMs;
    offsetMs += driftMs;
    return nowMs + driftMs;
  };
}
