/** The value of an option that is a number. Throws a TypeError that names it when it is another thing or too low. */
export function atLeast(least: number, name: string, value: number): number {
  if (typeof value === 'number' && value >= least) return value;
  throw new TypeError(`${name} must be a number from ${least} on, and is ${String(value)}`);
}
