/**
 * The time now in milliseconds since 1970, fractions allowed: `Date.now`, or a clock that a test turns. It may be set
 * back; what it throws costs the connection or the request that was being served, and nothing else.
 */
export type Clock = () => number;

/**
 * A clock that only goes forward: milliseconds since 1970 as the system's clock had it when this was called, and since then
 * by a clock that nobody sets. What ages are measured with.
 *
 * @example
 * ```js
 * import { createSteadyClock } from 'nsqlookupd';
 *
 * const clock = createSteadyClock();
 * console.log(clock() <= clock()); // true
 * ```
 */
export function createSteadyClock(): Clock {
  const startMs = Date.now() - performance.now();
  return () => startMs + performance.now();
}
