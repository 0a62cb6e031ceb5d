import type { Announcement, Identity, TopicMessage } from '../protocol/index.js';
import { isThenable } from '../base/error-report.js';
import type { ByteStream } from '../streams/index.js';
import { ClosedError, PeerConnection } from './peer-connection.js';
import type { ClientTimers } from '../base/timers.js';
import { eachWithin, within, type Deadline } from './within.js';

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
  /** Ends the attempt, or the connection, that there is. */
  #current = new AbortController();
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
    if (this.#connection) await within(this.#connection.end(), this.#deadline).catch(() => undefined);
    this.#current.abort(new ClosedError('closed'));
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
    const { address, identity, connect, wanted } = this.#options;
    const current = (this.#current = new AbortController());
    const deadline = { ...this.#deadline, signal: current.signal };
    try {
      const connection = await within(open(connect, address, current.signal), deadline);
      const announcement = await within(connection.identify(identity), deadline);
      // From here on `send` sends; what was wanted before is sent now, in one go.
      this.#connection = connection;
      await eachWithin(
        Array.from(wanted(), (order) => connection.send(order)),
        deadline,
      );
      if (connection.isClosed) return;
      this.#failures = 0;
      this.#isConnected = true;
      this.#lastError = undefined;
      this.#schedulePing(connection);
      this.#options.onConnected(announcement);
    } catch (error) {
      const reason = error instanceof Error ? error : new ClosedError(String(error));
      current.abort(reason);
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
    try {
      await within(send(), this.#deadline);
    } catch (error) {
      connection.destroy(error as Error);
    }
  }

  get #deadline(): Deadline {
    const { address, timers, timeoutMs: ms } = this.#options;
    return { timers, ms, late: () => new ClosedError(`${address} did not answer within ${ms} ms`) };
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

/** A connection that is destroyed when the signal says so, also when it comes too late. */
function open(connect: Connect, address: string, signal: AbortSignal): PromiseLike<PeerConnection> {
  const toConnection = (stream: ByteStream) => {
    const connection = new PeerConnection(stream);
    const destroy = () => connection.destroy(signal.reason as Error);
    if (signal.aborted) destroy();
    else signal.addEventListener('abort', destroy, { once: true });
    return connection;
  };
  const stream = connect(address, signal);
  // At once where it can be: the stream may fail before the next microtask.
  return isThenable(stream) ? Promise.resolve(stream).then(toConnection) : Promise.resolve(toConnection(stream));
}
