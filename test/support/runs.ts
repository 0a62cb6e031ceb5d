/** Which share of the runs is made: all of them in CI, a fifth on a desk, and fewer where the same test runs a thousand times. */
const SHARE = Number(process.env['SHARE_OF_RUNS'] ?? (process.env['CI'] === 'true' ? 1 : 0.2));

/** How often a property is tried, or a fault made, each time with other values. */
export function runs(all: number): number {
  return Math.ceil(all * SHARE);
}
