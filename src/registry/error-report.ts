/**
 * Gets what code of the host's threw (a listener, a logger, a clock, a decorator), or a misuse that cannot be
 * thrown at who made it. `what` names it in a few words.
 */
export type OnError = (error: unknown, what: string) => void;

/** What happens when a host gives no `onError`: a line to the console. */
export const printError: OnError = (error, what) => {
  console.error(`nsqlookupd: ${what}`, error);
};

/** Reports, whatever becomes of the report. */
export function report(onError: OnError, error: unknown, what: string): void {
  try {
    onError(error, what);
  } catch {
    // There is nobody left to tell.
  }
}
