/**
 * Gets what code of the host's threw (a listener, a logger, a clock, a decorator), or a misuse that cannot be
 * thrown at who made it. `what` names it in a few words, such as `the logger threw`. What it throws itself is dropped.
 */
export type OnError = (error: unknown, what: string) => void;

/** What happens when a host gives no `onError`: a line to the console. */
export const printError: OnError = (error, what) => {
  console.error(`nsqlookupd: ${what}`, error);
};

/** Calls code of the host's. What it throws, or its promise rejects with, is reported as `what`, and goes no further. */
export function callGuarded<A extends readonly unknown[]>(
  onError: OnError,
  what: string,
  call: (...args: A) => unknown,
  ...args: A
): void {
  try {
    const result = call(...args);
    if (isThenable(result)) result.then(undefined, (error: unknown) => report(onError, error, what));
  } catch (error) {
    report(onError, error, what);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

/** Reports, whatever becomes of the report. */
export function report(onError: OnError, error: unknown, what: string): void {
  try {
    onError(error, what);
  } catch {
    // There is nobody left to tell.
  }
}
