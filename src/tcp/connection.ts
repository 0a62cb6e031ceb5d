import { callGuarded, report, type OnError } from '../base/error-report.js';
import type { Session, SessionOutput } from '../session/index.js';
import type { ByteStream } from '../streams/index.js';

/** How long a connection may wait for what, counted in looks at it. */
export interface Deadlines {
  readonly identify: number;
  readonly silence: number;
  readonly drain: number;
}

export interface ConnectionOptions {
  readonly stream: ByteStream;
  readonly session: Session;
  readonly deadlines: Deadlines;
  readonly onError: OnError;
  /** Called when the stream is closed, has failed, or is given up; perhaps more than once. */
  readonly onClosed: () => void;
}

const MAX_DROPPED_BYTES = 1024 * 1024;

/**
 * One stream and its session: bytes to and fro, back-pressure, deadlines, closing. Nothing throws out of a
 * stream's callback, and however the connection ends, so does the session.
 */
export class Connection {
  readonly #stream: ByteStream;
  readonly #session: Session;
  readonly #deadlines: Deadlines;
  readonly #onError: OnError;
  readonly #onClosed: () => void;
  #ticksLeft: number;
  #droppedBytes = 0;
  #waits: 'for bytes' | 'for drain' | 'for close' = 'for bytes';

  constructor({ stream, session, deadlines, onError, onClosed }: ConnectionOptions) {
    this.#stream = stream;
    this.#session = session;
    this.#deadlines = deadlines;
    this.#onError = onError;
    this.#onClosed = onClosed;
    this.#ticksLeft = deadlines.identify;

    // Bytes last: a stream that refuses a listener is then one from which none come.
    stream.on('error', (error: unknown) => this.destroy(error instanceof Error ? error.message : String(error)));
    stream.on('close', () => {
      session.end('connection closed');
      onClosed();
    });
    stream.on('drain', () => this.#try(() => this.#drained()));
    stream.on('end', () => this.#try(() => this.#deliver(session.end())));
    stream.on('data', (bytes: Uint8Array | string) => {
      try {
        this.#receive(bytes);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  /** A look at the deadline. */
  tick(): void {
    if (--this.#ticksLeft > 0) return;
    if (this.#waits !== 'for bytes') this.destroy('answers not read in time');
    else {
      const reason = this.#session.isIdentified ? 'silent for too long' : 'no IDENTIFY in time';
      this.#try(() => this.#deliver(this.#session.refuse('E_INVALID', reason)));
    }
  }

  destroy(reason: string): void {
    this.#session.end(reason);
    callGuarded(this.#onError, 'a stream threw when it was destroyed', () => this.#stream.destroy());
    this.#onClosed();
  }

  #receive(bytes: Uint8Array | string): void {
    if (typeof bytes === 'string') throw new TypeError('the stream gives text: do not call setEncoding on it');
    if (this.#waits === 'for close') return this.#drop(bytes);
    this.#deliver(this.#session.receive(bytes));
    if (this.#waits === 'for bytes' && this.#session.isIdentified) this.#ticksLeft = this.#deadlines.silence;
  }

  /** A peer that has not read its last answer yet may have sent on; one that floods is cut off. */
  #drop(bytes: Uint8Array): void {
    this.#droppedBytes += bytes.length;
    if (this.#droppedBytes > MAX_DROPPED_BYTES) this.destroy('sent on after the end');
  }

  #drained(): void {
    if (this.#waits !== 'for drain') return;
    this.#waits = 'for bytes';
    if (this.#session.isIdentified) this.#ticksLeft = this.#deadlines.silence;
    this.#stream.resume();
  }

  #deliver({ bytes, close }: SessionOutput): void {
    if (this.#waits === 'for close') return;
    const wantsMore = bytes.length === 0 || this.#stream.write(bytes);
    if (close) {
      // What still comes in is read and dropped: unread bytes would reset the connection before the peer has
      // read the answer.
      this.#wait('for close');
      this.#stream.resume();
      this.#stream.end();
    } else if (!wantsMore) {
      this.#wait('for drain');
      this.#stream.pause();
    }
  }

  #wait(what: 'for drain' | 'for close'): void {
    this.#waits = what;
    if (what === 'for close' || this.#session.isIdentified) this.#ticksLeft = this.#deadlines.drain;
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    report(this.#onError, error, 'a connection was closed, as serving it threw');
    this.destroy('internal error');
  }
}
