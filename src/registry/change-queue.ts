import { callGuarded, type OnError } from '../base/error-report.js';
import type { SafeEmitter } from '../base/safe-emitter.js';
import type { Change } from './change.js';
import type { RegistrationDBEvents } from './registration-db-options.js';

/**
 * Tells of changes in the order in which they were made, to each listener, also when a listener makes others: those are told
 * when the ones before them have been.
 */
export class ChangeQueue {
  readonly #listeners = new Set<(change: Change) => void>();
  #events: SafeEmitter<RegistrationDBEvents> | undefined;
  readonly #onError: OnError;
  #waiting: Change[] = [];
  #isTelling = false;

  constructor(onError: OnError) {
    this.#onError = onError;
  }

  /** Tells the listeners of that as well. */
  feed(events: SafeEmitter<RegistrationDBEvents>): void {
    this.#events = events;
  }

  listen(listener: (change: Change) => void): () => void {
    const own = (change: Change) => callGuarded(this.#onError, 'a listener of changes threw', listener, change);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Keeps it until `tell`, if anybody listens to such changes. */
  push(change: Change): void {
    const event = change.type as keyof RegistrationDBEvents;
    if (this.#listeners.size > 0 || this.#events?.listenerCount(event)) this.#waiting.push(change);
  }

  /** Tells all that is waiting. What a listener of it changes is told at its end. */
  tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let i = 0; i < this.#waiting.length; i++) {
        const change = this.#waiting[i]!;
        for (const listener of this.#listeners) listener(change);
        if ('producer' in change) this.#events?.emit(change.type, change.registration, change.producer);
        else if ('registration' in change) this.#events?.emit(change.type, change.registration);
      }
    } finally {
      this.#waiting = [];
      this.#isTelling = false;
    }
  }
}
