import { callGuarded, printError, type OnError } from './error-report.js';

interface Listening {
  readonly listener: (...args: never[]) => void;
  readonly context: unknown;
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

  /** Calls the listener for each such event from now on, with `context`, or the emitter, as its `this`. */
  on<E extends keyof Events>(event: E, listener: Events[E], context?: unknown): this {
    return this.#add(event, { listener, context, isOnce: false });
  }

  /** Calls the listener for the next such event alone. */
  once<E extends keyof Events>(event: E, listener: Events[E], context?: unknown): this {
    return this.#add(event, { listener, context, isOnce: true });
  }

  /** Takes the listener off; with a `context`, or `isOnce`, where it was added with that; all of the event's if it is left out. */
  off<E extends keyof Events>(event: E, listener?: Events[E], context?: unknown, isOnce?: boolean): this {
    const all = this.#events.get(event);
    for (const each of all ?? []) {
      const isIt = (listener ?? each.listener) === each.listener && (context ?? each.context) === each.context;
      if (isIt && (isOnce !== true || each.isOnce)) all!.delete(each);
    }
    if (all?.size === 0) this.#events.delete(event);
    return this;
  }

  /** The same as `on`. */
  addListener<E extends keyof Events>(event: E, listener: Events[E], context?: unknown): this {
    return this.on(event, listener, context);
  }

  /** The same as `off`. */
  removeListener<E extends keyof Events>(event: E, listener?: Events[E], context?: unknown, isOnce?: boolean): this {
    return this.off(event, listener, context, isOnce);
  }

  /** Takes all listeners off; with an event, those of that. */
  removeAllListeners(event?: keyof Events): this {
    if (event === undefined) this.#events.clear();
    else this.#events.delete(event);
    return this;
  }

  /** Calls those who listen now. False if there are none. */
  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): boolean {
    const all = this.#events.get(event);
    if (!all) return false;
    for (const { listener, context, isOnce } of [...all]) {
      if (isOnce) this.off(event, listener as Events[E], context, true);
      callGuarded(this.#onError, `a listener of ${String(event)} threw`, () => listener.apply(context ?? this, args));
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
}
