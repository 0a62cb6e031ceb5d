/** The whole seconds or milliseconds that recorded options have. */
export function parseGoDuration(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s)$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`not a duration: ${text}`);
  return Number(number) * (unit === 's' ? 1000 : 1);
}
