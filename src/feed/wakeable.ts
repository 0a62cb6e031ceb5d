/** An async iteration, to be read by `for await`: never a backlog. */
export interface Watch<T> {
  /** The next thing, as soon as there is one. */
  next(): Promise<IteratorResult<T, undefined>>;
  /** Ends it, also while somebody waits for the next thing. */
  return(): Promise<IteratorResult<T, undefined>>;
  /** Itself. */
  [Symbol.asyncIterator](): Watch<T>;
}

/**
 * An async iteration that gives what there is, and waits for a call of `wake` where there is nothing: never a backlog. It ends with
 * the signal, by `finish`, or by `return`, also while somebody waits.
 */
export class Wakeable<T> implements Watch<T> {
  readonly #take: () => { readonly value: T } | undefined;
  readonly #end: () => void;
  readonly #signal: AbortSignal | undefined;
  #waiting: ((result: IteratorResult<T, undefined>) => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #isOver = false;

  /** `take` gives the next thing, if there is one; `end` is called once, when it is over. */
  constructor(take: () => { readonly value: T } | undefined, end: () => void, signal?: AbortSignal) {
    this.#take = take;
    this.#end = end;
    this.#signal = signal;
    signal?.addEventListener('abort', this.finish, { once: true });
    if (signal?.aborted === true) this.finish();
  }

  /** Whether somebody waits for the next thing. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) return resolve({ done: true, value: undefined });
      this.#waiting = resolve;
      this.#failed = reject;
      this.wake();
    });
  }

  /** There may be something. */
  wake(): void {
    if (!this.#waiting) return;
    try {
      const taken = this.#take();
      if (taken) this.#settle({ done: false, value: taken.value });
    } catch (error) {
      const failed = this.#failed;
      this.finish();
      failed?.(error);
    }
  }

  /** It is over. */
  readonly finish = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.finish);
    this.#end();
    this.#settle({ done: true, value: undefined });
  };

  return(): Promise<IteratorResult<T, undefined>> {
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  #settle(result: IteratorResult<T, undefined>): void {
    const waiting = this.#waiting;
    this.#waiting = this.#failed = undefined;
    waiting?.(result);
  }
}
