import { EventEmitter } from 'eventemitter3';
import { callGuarded, printError, type OnError } from './error-report.js';

type Names<Events extends object> = EventEmitter.EventNames<Events>;
type Listener<Events extends object, E extends Names<Events>> = EventEmitter.EventListener<Events, E>;

/**
 * An emitter whose listeners disturb neither each other nor who emits: what one throws goes to `onError`. A
 * listener is wrapped when it is added; `off` takes the listener itself, as always.
 */
export class SafeEmitter<Events extends object> extends EventEmitter<Events> {
  readonly #onError: OnError;
  readonly #wrappers = new Map<PropertyKey, WeakMap<object, unknown>>();

  constructor(onError: OnError = printError) {
    super();
    this.#onError = onError;
  }

  override on<E extends Names<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    return super.on(event, this.#wrap(event, listener), context);
  }

  override once<E extends Names<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    return super.once(event, this.#wrap(event, listener), context);
  }

  override off<E extends Names<Events>>(
    event: E,
    listener?: Listener<Events, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    const wrapper = listener && (this.#wrappersOf(event).get(listener) as typeof listener | undefined);
    return super.off(event, wrapper ?? listener, context, once);
  }

  override addListener<E extends Names<Events>>(event: E, listener: Listener<Events, E>, context?: unknown): this {
    return this.on(event, listener, context);
  }

  override removeListener<E extends Names<Events>>(
    event: E,
    listener?: Listener<Events, E>,
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

  #wrap<E extends Names<Events>>(event: E, listener: Listener<Events, E>): Listener<Events, E> {
    const known = this.#wrappersOf(event).get(listener);
    if (known) return known as Listener<Events, E>;
    const onError = this.#onError;
    const call = listener as (this: unknown, ...args: unknown[]) => unknown;
    const wrapper = function (this: unknown, ...args: unknown[]): void {
      callGuarded(onError, `a listener of ${String(event)} threw`, () => call.apply(this, args));
    };
    this.#wrappersOf(event).set(listener, wrapper);
    return wrapper as Listener<Events, E>;
  }
}
