const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
};
const DURATION = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/;
const PART = /([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g;

/**
 * The milliseconds of a duration as Go writes it, such as `1h2m3.5s`, `300ms`, `-1s`, `0`; undefined if it is none.
 * Units: `ns`, `us` or `µs`, `ms`, `s`, `m`, `h`. Never throws.
 *
 * @example
 * ```js
 * import { parseDuration } from 'nsqlookupd/daemon';
 *
 * console.log(parseDuration('1m30s')); // 90000
 * console.log(parseDuration('90')); // undefined
 * ```
 */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(PART)) ms += Number(number) * UNITS_MS[unit!]!;
  return text.startsWith('-') ? -ms : ms;
}

/**
 * Milliseconds, fractions allowed, as Go prints a duration: `551ns`, `13.36µs`, `1.5s`, `5m0s`. Rounded to nanoseconds.
 *
 * @example
 * ```js
 * import { formatDuration } from 'nsqlookupd/daemon';
 *
 * console.log(formatDuration(90_000)); // 1m30s
 * console.log(formatDuration(0.25)); // 250µs
 * ```
 */
export function formatDuration(ms: number): string {
  const ns = Math.round(Math.abs(ms) * 1e6);
  const sign = ms < 0 && ns > 0 ? '-' : '';
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${sign}${ns}ns`;
  if (ns < 1e6) return `${sign}${ns / 1e3}µs`;
  if (ns < 1e9) return `${sign}${ns / 1e6}ms`;
  const minutes = Math.floor(ns / 60e9);
  const seconds = `${((ns - minutes * 60e9) / 1e9).toFixed(9).replace(/\.?0+$/, '')}s`;
  if (minutes === 0) return sign + seconds;
  return `${sign}${minutes < 60 ? '' : `${Math.floor(minutes / 60)}h`}${minutes % 60}m${seconds}`;
}
