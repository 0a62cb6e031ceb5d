import { callGuarded, type OnError } from '../base/error-report.js';
import type { Change } from './change.js';

/**
 * Tells of changes in the order in which they were made, to each listener, also when a listener makes others: those are told
 * when the ones before them have been.
 */
export class ChangeQueue {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #onError: OnError;
  readonly #waiting: Change[] = [];
  #isTelling = false;

  constructor(onError: OnError) {
    this.#onError = onError;
  }

  /** Whether nobody listens. */
  get isIdle(): boolean {
    return this.#listeners.size === 0;
  }

  listen(listener: (change: Change) => void): () => void {
    const own = (change: Change) => callGuarded(this.#onError, 'a listener of changes threw', () => listener(change));
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  push(change: Change): void {
    this.#waiting.push(change);
  }

  /** Tells all that is waiting, to the listeners and to `emit`. What a listener of it changes is told at its end. */
  tell(emit: (change: Change) => void): void {
    if (this.#isTelling || this.#waiting.length === 0) return;
    this.#isTelling = true;
    try {
      for (let i = 0; i < this.#waiting.length; i++) {
        const change = this.#waiting[i]!;
        for (const listener of this.#listeners) listener(change);
        emit(change);
      }
    } finally {
      this.#waiting.length = 0;
      this.#isTelling = false;
    }
  }
}
