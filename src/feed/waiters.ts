import type { WorkQueue } from '../base/work-queue.js';

/** To wake one is as much work as so many steps, without what it does then. */
const STEPS_A_WAKE = 4;

/** Who waits once for something to change, by what that is. They are woken in slices, each once, however much changes meanwhile. */
export class Waiters {
  readonly #work: WorkQueue;
  readonly #waiting = new Map<string | symbol, Set<() => void>>();

  constructor(work: WorkQueue) {
    this.#work = work;
  }

  /** What it gives ends the wait. */
  add(key: string | symbol, wake: () => void): () => void {
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(wake));
    return () => {
      waiting.delete(wake);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    };
  }

  wake(key: string | symbol): void {
    const waiting = this.#waiting.get(key);
    if (!waiting) return;
    this.#waiting.delete(key);
    this.#work.run(wakeEach(waiting));
  }

  wakeAll(): void {
    for (const key of [...this.#waiting.keys()]) this.wake(key);
  }
}

function* wakeEach(waiting: Set<() => void>): Generator<number, void, undefined> {
  for (const wake of waiting) {
    wake();
    yield STEPS_A_WAKE;
  }
}
