/** Throws for the status of an answer that is none; runtimes take some that clients do not. */
export function assertStatus(status: number): void {
  if (Number.isInteger(status) && status >= 200 && status <= 599) return;
  throw new RangeError(`the status of an answer must be a whole number from 200 to 599, and is ${String(status)}`);
}
