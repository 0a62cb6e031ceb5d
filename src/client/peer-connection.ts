import {
  encodePeerMessage,
  ReplyDecoder,
  type Announcement,
  type ErrorCode,
  type Identity,
  type PeerMessage,
  type Reply,
  type TopicMessage,
} from '../protocol/index.js';
import { withMethods } from '../base/options.js';
import type { ByteStream } from '../streams/index.js';

/** The messages that a lookupd answers, each with one reply. */
export type Order = { readonly type: 'ping' } | TopicMessage;

/**
 * Why an order was not carried out: the lookupd answered so, and closes the connection unless it is full. `message` has its reason.
 *
 * @example
 * ```js
 * import { RefusedError } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const nsqd = await createMemoryLookupd().nsqd('host-1:4150');
 * const error = await nsqd.register('no/topic').catch((reason) => reason);
 * console.log(error instanceof RefusedError, error.code); // true E_BAD_TOPIC
 * ```
 */
export class RefusedError extends Error {
  /** `RefusedError`. */
  override readonly name = 'RefusedError';
  /** As the lookupd answered. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, reason: string) {
    super(`${code} ${reason}`);
    this.code = code;
  }
}

/**
 * The connection ended before the answer came. `message` says how.
 *
 * @example
 * ```js
 * import { ClosedError } from 'nsqlookupd/client';
 * import { createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const nsqd = await createMemoryLookupd().nsqd('host-1:4150');
 * nsqd.drop();
 * const error = await nsqd.ping().catch((reason) => reason);
 * console.log(error instanceof ClosedError, error.code); // true E_CLOSED
 * ```
 */
export class ClosedError extends Error {
  /** `ClosedError`. */
  override readonly name = 'ClosedError';
  /** `E_CLOSED`. */
  readonly code = 'E_CLOSED';
}

const checkStream = withMethods('a stream of bytes, such as a socket', 'on', 'write', 'end', 'destroy');

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A peer's side of the conversation with one lookupd, over any stream of bytes. Orders are pipelined: each may be sent
 * before the one before it is answered. A `PeerClient` and a `FakeNsqd` are made of it.
 *
 * @example
 * ```js
 * import { PeerConnection } from 'nsqlookupd/client';
 * import { createIdentity, createMemoryLookupd } from 'nsqlookupd/testing';
 *
 * const connection = new PeerConnection(createMemoryLookupd().connect()); // or a socket
 * const { version } = await connection.identify(createIdentity('host-1:4150'));
 * await connection.send({ type: 'register', topic: 'orders', channel: '' });
 * console.log(version); // 1.3.0
 * connection.destroy();
 * ```
 */
export class PeerConnection {
  readonly #stream: ByteStream;
  readonly #decoder = new ReplyDecoder();
  readonly #waiting: Waiting[] = [];
  #error: Error | undefined;
  /** The last answer, if it was an error: when the connection ends next, this is why. */
  #refusal: RefusedError | undefined;
  #settleClosed: (error: Error) => void = () => undefined;
  /** Resolves when the lookupd has ended its side, or the stream is closed. */
  readonly #streamOver: Promise<void>;

  /** Resolves, with the reason, when the conversation has ended in whatever way. Never rejects. */
  readonly closed: Promise<Error>;

  /** Throws a TypeError when `stream` is none. */
  constructor(stream: ByteStream) {
    checkStream('stream', stream);
    this.#stream = stream;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    const over = (error: Error) => this.#end(this.#refusal ?? error);
    stream.on('error', (error: unknown) => over(error instanceof Error ? error : new ClosedError(String(error))));
    stream.on('close', () => over(new ClosedError('connection closed')));
    stream.on('end', () => this.destroy(this.#refusal ?? new ClosedError('the lookupd ended the connection')));
    this.#streamOver = new Promise((resolve) => {
      for (const event of ['end', 'close', 'error']) stream.on(event, () => resolve());
    });
    stream.on('data', (bytes: Uint8Array | string) => this.#receive(bytes));
  }

  /** Whether the conversation has ended. */
  get isClosed(): boolean {
    return this.#error !== undefined;
  }

  /**
   * Opens the conversation: the magic and IDENTIFY. To be called once, first. Rejects with a `RefusedError` when the
   * lookupd will not have it, or a `ClosedError`.
   */
  async identify(identity: Identity): Promise<Announcement> {
    const reply = await this.#ask([{ type: 'magic' }, { type: 'identify' }, { type: 'identity', identity }]);
    if (reply.type === 'announcement') return reply.announcement;
    if (reply.type === 'error') throw new RefusedError(reply.code, reply.reason);
    // A lookupd that failed to put its announcement together answers OK, as nsqlookupd does.
    return { broadcastAddress: '', hostname: '', tcpPort: 0, httpPort: 0, version: '' };
  }

  /** Sends one order. Rejects with a `RefusedError` or a `ClosedError`. */
  async send(order: Order): Promise<void> {
    const reply = await this.#ask([order]);
    if (reply.type === 'error') throw new RefusedError(reply.code, reply.reason);
  }

  /** Bytes as they are, for tests of a lookupd. Answers are not awaited. */
  sendBytes(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  /** Ends the conversation. Resolves when the lookupd has ended its side, too, by when it has forgotten the peer. */
  end(): Promise<void> {
    this.#end(new ClosedError('closed'));
    this.#stream.end();
    return this.#streamOver;
  }

  /** Drops the connection. */
  destroy(reason: Error = new ClosedError('destroyed')): void {
    this.#end(reason);
    try {
      this.#stream.destroy();
    } catch {
      // It is given up, whatever it says to that.
    }
  }

  #ask(messages: readonly PeerMessage[]): Promise<Reply> {
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      const chunks = messages.map(encodePeerMessage); // throws, for what cannot be sent, before anything is awaited
      this.#waiting.push({ resolve, reject });
      try {
        for (const chunk of chunks) this.#stream.write(chunk);
      } catch (error) {
        this.destroy(this.#refusal ?? new ClosedError('the stream cannot be written to', { cause: error }));
      }
    });
  }

  #receive(bytes: Uint8Array | string): void {
    if (this.#error) return;
    if (typeof bytes === 'string') return this.destroy(new ClosedError('the stream gives text'));
    this.#decoder.push(bytes);
    for (let reply = this.#decoder.next(); reply !== undefined; reply = this.#decoder.next()) {
      if (reply.type === 'fault') return this.destroy(new ClosedError(`not a lookupd: ${reply.reason}`));
      const waiting = this.#waiting.shift();
      if (!waiting && reply.type === 'error') return this.destroy(new RefusedError(reply.code, reply.reason));
      if (!waiting) return this.destroy(new ClosedError('an answer to nothing'));
      this.#refusal = reply.type === 'error' ? new RefusedError(reply.code, reply.reason) : undefined;
      waiting.resolve(reply);
    }
  }

  #end(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#settleClosed(error);
  }
}
