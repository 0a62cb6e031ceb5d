import type { Announcement, Identity, TopicMessage } from '../protocol/index.js';
import type { ByteStream } from '../tcp/index.js';
import { ClosedError, PeerConnection } from './peer-connection.js';
import { within, type ClientTimers } from './timers.js';

/** Opens a stream of bytes to a lookupd. The signal is aborted when the stream is no longer wanted. */
export type Connect = (address: string, signal: AbortSignal) => ByteStream | PromiseLike<ByteStream>;

export interface LinkOptions {
  readonly address: string;
  readonly identity: Identity;
  /** What is to be registered, whenever a connection is new. */
  readonly wanted: () => Iterable<TopicMessage>;
  readonly connect: Connect;
  readonly timers: ClientTimers;
  readonly pingIntervalMs: number;
  readonly timeoutMs: number;
  /** How long to wait before the next attempt, after so many in vain. */
  readonly backoffMs: (failures: number) => number;
  readonly onConnected: (announcement: Announcement) => void;
  readonly onDisconnected: (error: Error) => void;
}

/** One lookupd that a producer is announced to: connects, registers, pings, and begins anew when that ends. */
export class LookupdLink {
  readonly #options: LinkOptions;
  readonly #abort = new AbortController();
  #connection: PeerConnection | undefined;
  #timer: unknown;
  #wake: () => void = () => undefined;
  #failures = 0;
  #isConnected = false;
  #isClosed = false;
  #lastError: Error | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Whether all that is wanted has been registered, and the connection is up. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Why the last attempt or connection ended; undefined while connected. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  /** Resolves after the first attempt, whatever came of it; attempts go on until `close`. */
  start(): Promise<void> {
    const first = this.#attempt();
    void this.#goOn(first);
    return first;
  }

  /** Sends an order if there is a connection that has introduced itself. Resolves when it is answered, or not to be. */
  async send(order: TopicMessage): Promise<void> {
    const connection = this.#connection;
    if (connection) await this.#ordered(connection, () => connection.send(order));
  }

  /** Resolves when the lookupd has ended the connection, too, or has taken too long for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopTimer();
    this.#wake();
    const { timers, timeoutMs } = this.#options;
    const closed = new ClosedError('closed');
    const connection = this.#connection;
    if (connection) await within(timers, timeoutMs, connection.end(), () => closed).catch(() => undefined);
    this.#abort.abort(closed);
  }

  async #goOn(attempt: Promise<void>): Promise<void> {
    await attempt;
    for (;;) {
      await this.#connection?.closed.then((error) => this.#ended(error));
      if (this.#isClosed) return;
      await this.#pause(this.#options.backoffMs(this.#failures++));
      if (this.#isClosed) return;
      await this.#attempt();
    }
  }

  /** One connection, up to where everything is registered. Never rejects. */
  async #attempt(): Promise<void> {
    const { address, identity, connect, timers, timeoutMs, wanted } = this.#options;
    const late = () => new ClosedError(`${address} did not answer within ${timeoutMs} ms`);
    const giveUp = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, giveUp.signal]);
    try {
      const opening = Promise.resolve(connect(address, signal)).then((stream) => new PeerConnection(stream));
      opening.then(
        (opened) => destroyWhenAborted(opened, signal),
        () => undefined, // it is awaited below
      );
      const connection = await within(timers, timeoutMs, opening, late);
      const announcement = await within(timers, timeoutMs, connection.identify(identity), late);
      signal.throwIfAborted();
      // From here on `send` sends; what was wanted before is sent now, in one go.
      this.#connection = connection;
      const orders = Array.from(wanted(), (order) => connection.send(order));
      await within(timers, timeoutMs, Promise.all(orders), late);
      if (connection.isClosed) return;
      this.#failures = 0;
      this.#isConnected = true;
      this.#lastError = undefined;
      this.#schedulePing(connection);
      this.#options.onConnected(announcement);
    } catch (error) {
      const reason = error instanceof Error ? error : new ClosedError(String(error));
      giveUp.abort(reason);
      if (!this.#connection) this.#ended(reason);
    }
  }

  #schedulePing(connection: PeerConnection): void {
    this.#timer = this.#options.timers.setTimeout(() => {
      void this.#ordered(connection, () => connection.send({ type: 'ping' })).then(() => {
        if (!connection.isClosed) this.#schedulePing(connection);
      });
    }, this.#options.pingIntervalMs);
  }

  /** An order that is not answered well, or not in time, ends the connection. Never rejects. */
  async #ordered(connection: PeerConnection, send: () => Promise<void>): Promise<void> {
    const { address, timers, timeoutMs } = this.#options;
    const late = () => new ClosedError(`${address} did not answer within ${timeoutMs} ms`);
    try {
      await within(timers, timeoutMs, send(), late);
    } catch (error) {
      connection.destroy(error as Error);
    }
  }

  #ended(error: Error): void {
    this.#connection = undefined;
    this.#stopTimer();
    this.#lastError = error;
    this.#isConnected = false;
    if (!this.#isClosed) this.#options.onDisconnected(error);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = this.#options.timers.setTimeout(resolve, ms);
    });
  }

  #stopTimer(): void {
    this.#options.timers.clearTimeout(this.#timer);
  }
}

function destroyWhenAborted(connection: PeerConnection, signal: AbortSignal): void {
  const destroy = () => connection.destroy(signal.reason as Error);
  if (signal.aborted) destroy();
  else signal.addEventListener('abort', destroy, { once: true });
}
