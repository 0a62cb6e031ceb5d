import type { Announcement, Identity, TopicMessage } from '../protocol/index.js';
import { isThenable } from '../base/error-report.js';
import type { ByteStream } from '../streams/index.js';
import { ClosedError, PeerConnection, RefusedError } from './peer-connection.js';
import { setTimer, type ClientTimers } from '../base/timers.js';
import { eachWithin, within, type Deadline } from '../base/within.js';

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
  /** What the lookupd would not have, though it kept the connection: sent again with each ping. */
  #refused = new Set<TopicMessage>();

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Whether all that is wanted has been registered, and the connection is up. */
  get isConnected(): boolean {
    return this.#isConnected && this.#refusedAndWanted.length === 0;
  }

  /** Why the last attempt or connection ended, or what was refused; undefined while connected. */
  get lastError(): Error | undefined {
    return this.isConnected ? undefined : this.#lastError;
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
    if (connection) await this.#ordered(connection, () => this.#register(connection, order));
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
      this.#refused.clear();
      await eachWithin(
        Array.from(wanted(), (order) => this.#register(connection, order)),
        deadline,
      );
      // Most lookupds close after a refusal: whether this one does shows now.
      if (this.#refused.size > 0) await within(connection.send({ type: 'ping' }), deadline);
      if (connection.isClosed) return;
      this.#failures = 0;
      this.#isConnected = true;
      this.#schedulePing(connection, announcement);
      if (this.isConnected) this.#options.onConnected(announcement);
    } catch (error) {
      const reason = error instanceof Error ? error : new ClosedError(String(error));
      current.abort(reason);
      if (!this.#connection) this.#ended(reason);
    }
  }

  #schedulePing(connection: PeerConnection, announcement: Announcement): void {
    const { timers, pingIntervalMs, onConnected } = this.#options;
    const ping = async () => {
      const again = this.#refusedAndWanted;
      this.#refused = new Set(again);
      await this.#ordered(connection, async () => {
        const registered = again.map((order) => this.#register(connection, order));
        await Promise.all([connection.send({ type: 'ping' }), ...registered]);
      });
      if (connection.isClosed) return;
      this.#schedulePing(connection, announcement);
      if (again.length > 0 && this.isConnected) onConnected(announcement);
    };
    this.#timer = setTimer(timers, () => void ping(), pingIntervalMs);
  }

  get #refusedAndWanted(): readonly TopicMessage[] {
    return this.#refused.size === 0 ? [] : [...this.#options.wanted()].filter((order) => this.#refused.has(order));
  }

  /** Rejects when the connection has ended, and not for a refusal that leaves it open. */
  async #register(connection: PeerConnection, order: TopicMessage): Promise<void> {
    try {
      await connection.send(order);
      this.#refused.delete(order);
    } catch (error) {
      if (!(error instanceof RefusedError) || connection.isClosed) throw error;
      this.#refused.add(order);
      this.#lastError = error;
    }
  }

  /** An order that is not answered in time ends the connection. Never rejects. */
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
      this.#timer = setTimer(this.#options.timers, resolve, ms);
    });
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) this.#options.timers.clearTimeout(this.#timer);
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
