import { EventEmitter } from 'eventemitter3';
import { callGuarded, printError, type OnError } from './error-report.js';

/**
 * An emitter whose listeners disturb neither each other nor who emits: what one throws goes to `onError`. A
 * listener is wrapped when it is added; `off` takes the listener itself, as always. The other methods are those of
 * eventemitter3.
 */
export class SafeEmitter<Events extends object> extends EventEmitter<Events> {
  readonly #onError: OnError;
  readonly #wrappers = new Map<PropertyKey, WeakMap<object, unknown>>();

  /** `onError` gets what a listener threw; a line to the console if it is left out. */
  constructor(onError: OnError = printError) {
    super();
    this.#onError = onError;
  }

  /** Calls the listener for each such event from now on, with `context` as its `this`. */
  override on<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return super.on(event, this.#wrap(event, listener), context);
  }

  /** Calls the listener for the next such event alone. */
  override once<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return super.once(event, this.#wrap(event, listener), context);
  }

  /** Takes the listener off, or all of the event's if it is left out. */
  override off<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener?: EventEmitter.EventListener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    const wrapper = listener && (this.#wrappersOf(event).get(listener) as typeof listener | undefined);
    return super.off(event, wrapper ?? listener, context, once);
  }

  /** The same as `on`. */
  override addListener<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  /** The same as `off`. */
  override removeListener<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener?: EventEmitter.EventListener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once);
  }

  #wrappersOf(event: PropertyKey): WeakMap<object, unknown> {
    let wrappers = this.#wrappers.get(event);
    if (!wrappers) this.#wrappers.set(event, (wrappers = new WeakMap()));
    return wrappers;
  }

  #wrap<E extends EventEmitter.EventNames<Events>>(
    event: E,
    listener: EventEmitter.EventListener<Events, E>,
  ): EventEmitter.EventListener<Events, E> {
    const known = this.#wrappersOf(event).get(listener);
    if (known) return known as EventEmitter.EventListener<Events, E>;
    const onError = this.#onError;
    const call = listener as (this: unknown, ...args: unknown[]) => unknown;
    const wrapper = function (this: unknown, ...args: unknown[]): void {
      callGuarded(onError, `a listener of ${String(event)} threw`, () => call.apply(this, args));
    };
    this.#wrappersOf(event).set(listener, wrapper);
    return wrapper as EventEmitter.EventListener<Events, E>;
  }
}
