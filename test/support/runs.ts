/** How often a property is tried, or a fault made: a fifth of that on a desk, each time with other values, and all of it in CI. */
export function runs(all: number): number {
  return process.env['CI'] === 'true' ? all : Math.ceil(all / 5);
}
