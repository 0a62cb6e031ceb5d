import { callGuarded, printError, type OnError } from './error-report.js';

interface Listening {
  readonly listener: (...args: never[]) => void;
  readonly isOnce: boolean;
}

/**
 * An emitter whose listeners disturb neither each other nor who emits: what one throws goes to `onError`. It has the methods of an
 * `EventEmitter`.
 */
export class SafeEmitter<Events extends { [E in keyof Events]: (...args: never[]) => void }> {
  readonly #onError: OnError;
  readonly #events = new Map<keyof Events, Set<Listening>>();

  /** `onError` gets what a listener threw; a line to the console if it is left out. */
  constructor(onError: OnError = printError) {
    this.#onError = onError;
  }

  /** Calls the listener for each such event from now on, with the emitter as its `this`. */
  on<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: false });
  }

  /** Calls the listener for the next such event alone. */
  once<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, { listener, isOnce: true });
  }

  /** Takes the listener off; all of the event's if it is left out. */
  off<E extends keyof Events>(event: E, listener?: Events[E]): this {
    return this.#remove(event, (each) => listener === undefined || each.listener === listener);
  }

  /** The same as `on`. */
  addListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.on(event, listener);
  }

  /** The same as `off`. */
  removeListener<E extends keyof Events>(event: E, listener?: Events[E]): this {
    return this.off(event, listener);
  }

  /** Takes all listeners off; with an event, those of that. */
  removeAllListeners(event?: keyof Events): this {
    if (event !== undefined) return this.off(event);
    this.#events.clear();
    return this;
  }

  /** Calls those who listen now. False if there are none. */
  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): boolean {
    const all = this.#events.get(event);
    if (!all) return false;
    for (const each of [...all]) {
      if (each.isOnce) this.#remove(event, (other) => other === each);
      callGuarded(this.#onError, `a listener of ${String(event)} threw`, () => each.listener.apply(this, args));
    }
    return true;
  }

  /** The events that somebody listens to. */
  eventNames(): (keyof Events)[] {
    return [...this.#events.keys()];
  }

  /** Who listens to such events. */
  listeners<E extends keyof Events>(event: E): Events[E][] {
    return Array.from(this.#events.get(event) ?? [], ({ listener }) => listener as Events[E]);
  }

  /** How many listen to such events. */
  listenerCount(event: keyof Events): number {
    return this.#events.get(event)?.size ?? 0;
  }

  #add(event: keyof Events, listening: Listening): this {
    if (typeof listening.listener !== 'function') throw new TypeError('The listener must be a function');
    const all = this.#events.get(event) ?? new Set();
    this.#events.set(event, all.add(listening));
    return this;
  }

  #remove(event: keyof Events, isMeant: (listening: Listening) => boolean): this {
    const all = this.#events.get(event);
    for (const each of all ?? []) if (isMeant(each)) all!.delete(each);
    if (all?.size === 0) this.#events.delete(event);
    return this;
  }
}
