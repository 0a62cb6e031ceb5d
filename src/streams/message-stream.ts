import { ByteQueue } from '../base/byte-queue.js';
import { callGuarded, printError, type OnError } from '../base/error-report.js';
import { checkOptions } from '../base/options.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import type { ByteStream } from './byte-stream.js';
import { listenToPort, type MessagePortLike } from './message-port.js';
import {
  DEFAULT_HIGH_WATER_MARK_BYTES,
  DEFAULT_MAX_UNREAD_BYTES,
  MESSAGE_STREAM_CHECKS,
  type MessageStreamEvents,
  type MessageStreamOptions,
} from './message-stream-options.js';

/**
 * A stream of bytes over a port of messages. Each end can end while the other goes on; when both have ended and
 * all is read, it closes. What comes, the end too, is kept until somebody listens to `data`, and while it is paused.
 */
export class MessageStream implements ByteStream {
  readonly #port: MessagePortLike;
  readonly #events: SafeEmitter<MessageStreamEvents>;
  readonly #onError: OnError;
  readonly #highWaterMarkBytes: number;
  readonly #maxUnreadBytes: number;
  /** Has come, and is not read. */
  readonly #unread = new ByteQueue();
  /** Is sent, and not said to be read. */
  #owedBytes = 0;
  #needsDrain = false;
  #isPaused = false;
  #hasEnded = false;
  #otherEnd: 'open' | 'ended' | 'ended and told' = 'open';
  #isDestroyed = false;

  /** Throws a TypeError when `port` is none, or names `of` and an option that is unknown or of the wrong kind. */
  constructor(of: string, port: MessagePortLike, options: MessageStreamOptions = {}) {
    const {
      highWaterMarkBytes = DEFAULT_HIGH_WATER_MARK_BYTES,
      maxUnreadBytes = DEFAULT_MAX_UNREAD_BYTES,
      onError = printError,
    } = checkOptions(of, options, MESSAGE_STREAM_CHECKS);
    this.#highWaterMarkBytes = highWaterMarkBytes;
    this.#maxUnreadBytes = maxUnreadBytes;
    this.#onError = onError;
    this.#events = new SafeEmitter(this.#onError);
    this.#port = port;
    listenToPort(port, {
      onMessage: (message) => this.#receive(message),
      onError: (reason) => this.#fail(reason),
      onClose: () => this.#otherClosed(),
    });
  }

  /** Adds a listener. One for `data` lets the bytes come. */
  on<E extends keyof MessageStreamEvents>(event: E, listener: MessageStreamEvents[E]): this {
    this.#events.on(event, listener);
    return this.#readSoon();
  }

  /** Adds a listener for one time. */
  once<E extends keyof MessageStreamEvents>(event: E, listener: MessageStreamEvents[E]): this {
    this.#events.once(event, listener);
    return this.#readSoon();
  }

  /** Takes a listener away. */
  off<E extends keyof MessageStreamEvents>(event: E, listener: MessageStreamEvents[E]): this {
    this.#events.off(event, listener);
    return this;
  }

  /** `off`, by the name that `once` of `node:events` knows. */
  removeListener<E extends keyof MessageStreamEvents>(event: E, listener: MessageStreamEvents[E]): this {
    return this.off(event, listener);
  }

  /**
   * Sends a copy: `bytes` may be used again at once. Answers false while the other end has more than the high-water
   * mark to read; `drain` comes when it has read all. Throws a TypeError when they are no bytes, or after `end`.
   */
  write(bytes: Uint8Array): boolean {
    if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array');
    if (this.#hasEnded) throw new TypeError('write after end');
    if (this.#isDestroyed) return false;
    if (bytes.length > 0) {
      this.#owedBytes += bytes.length;
      // A port would clone all the memory that `bytes` are a part of.
      const copy = new Uint8Array(bytes);
      this.#post(copy, [copy.buffer]);
    }
    const wantsMore = this.#owedBytes <= this.#highWaterMarkBytes;
    if (!wantsMore) this.#needsDrain = true;
    return wantsMore;
  }

  /** Says that no more comes from this end. What comes from the other is still read. */
  end(): this {
    if (!this.#hasEnded) this.#post('end');
    this.#hasEnded = true;
    this.#closeIfOver();
    return this;
  }

  /** Closes both ends, and the port if it can be closed. What is unread here is lost. */
  destroy(): this {
    if (this.#isDestroyed) return this;
    this.#isDestroyed = true;
    this.#unread.clear();
    callGuarded(this.#onError, 'a port took no message', () => this.#port.postMessage('close', []));
    callGuarded(this.#onError, 'a port threw when it was closed', () => this.#port.close?.());
    queueMicrotask(() => this.#events.emit('close'));
    return this;
  }

  /** Holds back `data` and `end`; what comes is kept. */
  pause(): this {
    this.#isPaused = true;
    return this;
  }

  /** Lets them come again. */
  resume(): this {
    this.#isPaused = false;
    return this.#readSoon();
  }

  /** Whether it is closed, or about to be. */
  get destroyed(): boolean {
    return this.#isDestroyed;
  }

  #receive(message: unknown): void {
    if (this.#isDestroyed) return;
    if (message instanceof Uint8Array) this.#keep(message);
    else if (message instanceof ArrayBuffer) this.#keep(new Uint8Array(message));
    else if (typeof message === 'number') this.#acknowledged(message);
    else if (message === 'end') this.#otherEnded();
    else if (message === 'close') this.#otherClosed();
    else this.#fail('a message is neither bytes, nor a number, nor end, nor close');
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#otherEnd !== 'open') return this.#fail('bytes came after the end');
    this.#unread.push(bytes);
    this.#read();
    this.#unread.settle();
    if (this.#unread.length > this.#maxUnreadBytes) this.#fail(`more than ${this.#maxUnreadBytes} bytes are unread`);
  }

  #acknowledged(count: number): void {
    if (!Number.isInteger(count) || count < 0 || count > this.#owedBytes) {
      return this.#fail(`${count} bytes are said to be read, of ${this.#owedBytes}`);
    }
    this.#owedBytes -= count;
    if (this.#owedBytes > 0 || !this.#needsDrain) return;
    this.#needsDrain = false;
    this.#events.emit('drain');
  }

  #otherEnded(): void {
    if (this.#otherEnd === 'open') this.#otherEnd = 'ended';
    this.#read();
  }

  /** After an orderly end what has come is still read, at the reader's pace. */
  #otherClosed(): void {
    if (!this.#hasEnded || this.#otherEnd === 'open') this.destroy();
  }

  #fail(reason: string): void {
    if (this.#isDestroyed) return;
    this.#events.emit('error', new Error(reason));
    this.destroy();
  }

  // Later, as the caller may not be ready for its own listeners.
  #readSoon(): this {
    queueMicrotask(() => this.#read());
    return this;
  }

  #read(): void {
    while (this.#isRead && this.#unread.length > 0) {
      const { length } = this.#unread;
      const bytes = this.#unread.take(length)!; // it has so many
      this.#unread.clear();
      this.#events.emit('data', bytes);
      this.#post(length);
    }
    if (!this.#isRead || this.#otherEnd !== 'ended') return;
    this.#otherEnd = 'ended and told';
    this.#events.emit('end');
    this.#closeIfOver();
  }

  get #isRead(): boolean {
    return !this.#isPaused && !this.#isDestroyed && this.#events.listenerCount('data') > 0;
  }

  #closeIfOver(): void {
    if (this.#hasEnded && this.#otherEnd === 'ended and told') this.destroy();
  }

  #post(message: unknown, transfer: ArrayBuffer[] = []): void {
    if (this.#isDestroyed) return;
    try {
      this.#port.postMessage(message, transfer);
    } catch (error) {
      this.#fail(`the port takes no message: ${String(error)}`);
    }
  }
}
