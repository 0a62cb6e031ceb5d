import { callGuarded, report, type OnError } from '../base/error-report.js';
import type { WorkQueue } from '../base/work-queue.js';
import type { PeerLimit, PeerObserver, Session, SessionOutput } from '../session/index.js';
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
  readonly work: WorkQueue;
  readonly deadlines: Deadlines;
  readonly observe: PeerObserver | undefined;
  readonly onError: OnError;
  /** Called with by how many bytes what is kept of the peer's input has grown, or shrunk. */
  readonly onHeld: (bytes: number) => void;
  /** Called when the stream is closed, has failed, or is given up; perhaps more than once. */
  readonly onClosed: () => void;
}

const MAX_DROPPED_BYTES = 1024 * 1024;

/**
 * One stream and its session: bytes to and fro, its share of each turn of the event loop, back-pressure, deadlines, closing.
 * Nothing throws out of a stream's callback, and however the connection ends, so does the session.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #ticksLeft: number;
  #droppedBytes = 0;
  #heldBytes = 0;
  #waits: 'for bytes' | 'for drain' | 'for close' = 'for bytes';
  /** Whether there is more to answer than one turn of the event loop gave time for, or than the host has let in. */
  #isBusy = false;
  #hasEnded = false;

  constructor(options: ConnectionOptions) {
    const { stream, session, deadlines, onClosed } = options;
    this.#options = options;
    this.#ticksLeft = deadlines.identify;

    // Bytes last: a stream that refuses a listener is then one from which none come.
    stream.on('error', (error: unknown) => this.destroy(error instanceof Error ? error.message : String(error)));
    stream.on('close', () => {
      this.#waits = 'for close';
      session.end('connection closed');
      this.#weigh();
      onClosed();
    });
    stream.on('drain', () => this.#try(() => this.#drained()));
    stream.on('end', () => this.#try(() => this.#ended()));
    stream.on('data', (bytes: Uint8Array | string) => {
      try {
        this.#receive(bytes);
      } catch (error) {
        this.#failed(error);
      }
    });
  }

  /** What is kept of the peer's input until it is whole, or answered. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** A look at the deadline. */
  tick(): void {
    if (--this.#ticksLeft > 0) return;
    const { session, observe } = this.#options;
    if (this.#waits !== 'for bytes') {
      this.#try(() => observe?.limit('drainTimeoutMs'));
      this.destroy('answers not read in time');
    } else if (session.isIdentified) this.refuse('silent for too long', 'silenceTimeoutMs');
    else this.refuse('no IDENTIFY in time', 'identifyTimeoutMs');
  }

  refuse(reason: string, limit: PeerLimit): void {
    this.#try(() => this.#options.observe?.limit(limit));
    this.#try(() => this.#deliver(this.#options.session.refuse('E_INVALID', reason)));
    this.#weigh();
  }

  destroy(reason: string): void {
    const { session, stream, onError, onClosed } = this.#options;
    this.#waits = 'for close';
    session.end(reason);
    this.#weigh();
    callGuarded(onError, 'a stream threw when it was destroyed', () => stream.destroy());
    onClosed();
  }

  #receive(bytes: Uint8Array | string): void {
    if (typeof bytes === 'string') throw new TypeError('the stream gives text: do not call setEncoding on it');
    if (this.#waits === 'for close') return this.#drop(bytes);
    const { session } = this.#options;
    session.push(bytes);
    if (this.#isBusy) session.hold();
    else this.#answer();
    this.#weigh();
    if (this.#waits === 'for bytes' && session.isIdentified) this.#ticksLeft = this.#options.deadlines.silence;
  }

  /** Answers what has come, now or, as far as this turn of the event loop does not go, in later ones. */
  #answer(): void {
    const { session, stream, work } = this.#options;
    this.#isBusy = true;
    work.run(
      session.answering(),
      (output) => this.#try(() => this.#answered(output)),
      (error) => this.#failed(error),
    );
    if (!this.#isBusy || this.#waits === 'for close') return;
    session.hold();
    stream.pause();
  }

  #answered(output: SessionOutput): void {
    this.#isBusy = output.waits !== undefined;
    this.#deliver(output);
    void output.waits?.then(() => this.#try(() => this.#answer()));
    if (!this.#isBusy && this.#hasEnded) this.#deliver(this.#options.session.end());
    if (!this.#isBusy && this.#waits === 'for bytes') this.#options.stream.resume();
    this.#weigh();
  }

  #ended(): void {
    const { session } = this.#options;
    this.#hasEnded = true;
    if (!this.#isBusy) this.#deliver(session.end());
  }

  #weigh(): void {
    const { session, onHeld } = this.#options;
    const grown = session.heldBytes - this.#heldBytes;
    if (grown === 0) return;
    this.#heldBytes += grown;
    onHeld(grown);
  }

  /** A peer that has not read its last answer yet may have sent on; one that floods is cut off. */
  #drop(bytes: Uint8Array): void {
    this.#droppedBytes += bytes.length;
    if (this.#droppedBytes > MAX_DROPPED_BYTES) this.destroy('sent on after the end');
  }

  #drained(): void {
    if (this.#waits !== 'for drain') return;
    this.#waits = 'for bytes';
    if (this.#options.session.isIdentified) this.#ticksLeft = this.#options.deadlines.silence;
    if (!this.#isBusy) this.#options.stream.resume();
  }

  #deliver({ bytes, close }: SessionOutput): void {
    if (this.#waits === 'for close') return;
    const { stream } = this.#options;
    const wantsMore = bytes.length === 0 || stream.write(bytes);
    if (close) {
      // What still comes in is read and dropped: unread bytes would reset the connection before the peer has
      // read the answer.
      this.#wait('for close');
      stream.resume();
      stream.end();
    } else if (!wantsMore) {
      this.#wait('for drain');
      stream.pause();
    }
  }

  #wait(what: 'for drain' | 'for close'): void {
    const { session, deadlines } = this.#options;
    this.#waits = what;
    if (what === 'for close' || session.isIdentified) this.#ticksLeft = deadlines.drain;
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    report(this.#options.onError, error, 'a connection was closed, as serving it threw');
    this.destroy('internal error');
  }
}
