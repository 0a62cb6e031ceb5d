import { setTimer, type ClientTimers } from './timers.js';

export interface Deadline {
  readonly timers: ClientTimers;
  readonly ms: number;
  /** What it is to be rejected with when the time is over. */
  readonly late: () => Error;
  /** Ends the wait, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The promise, or a rejection when that takes too long or is not wanted any more. */
export async function within<T>(promise: PromiseLike<T>, { timers, ms, late, signal }: Deadline): Promise<T> {
  let giveUp: (error: unknown) => void = () => undefined;
  const givenUp = new Promise<never>((_, reject) => (giveUp = reject));
  const abort = () => giveUp(signal?.reason);
  const handle = setTimer(timers, () => giveUp(late()), ms);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    if (handle !== undefined) timers.clearTimeout(handle);
    signal?.removeEventListener('abort', abort);
  }
}

/** All of the promises, in order; the time begins anew with each. */
export async function eachWithin(promises: readonly Promise<unknown>[], deadline: Deadline): Promise<void> {
  Promise.all(promises).catch(() => undefined); // when one is rejected, nobody looks at those after it
  for (const promise of promises) await within(promise, deadline);
}

/** Each of what comes one by one; the time begins anew with each. */
export async function* eachOfWithin<T>(
  source: AsyncIterable<T> | Iterable<T>,
  deadline: Deadline,
): AsyncGenerator<T, void, undefined> {
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  try {
    for (;;) {
      const next = await within(Promise.resolve(iterator.next()), deadline);
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // One that is stuck ends when it ends.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  }
}
