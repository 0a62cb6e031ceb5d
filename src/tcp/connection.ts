import { callGuarded, report, type OnError } from '../base/error-report.js';
import type { Steps, WorkQueue } from '../base/work-queue.js';
import type { PeerLimit, PeerObserver, Session, SessionOutput } from '../session/index.js';
import type { ByteStream } from '../streams/index.js';

/** How long a connection may wait for what, counted in looks at it. */
export interface Deadlines {
  readonly identify: number;
  readonly silence: number;
  readonly drain: number;
}

/** What all connections of a handler have in common. */
export interface ConnectionHost {
  readonly work: WorkQueue;
  readonly deadlines: Deadlines;
  readonly observe: PeerObserver | undefined;
  readonly onError: OnError;
  /** Called when what is kept of the peer's input may have changed. */
  readonly onHeld: (connection: Connection) => void;
  /** Called when the stream is closed, has failed, or is given up; perhaps more than once. */
  readonly onClosed: (stream: ByteStream) => void;
}

/** How much may come from a stream that was asked to pause, or after the end. */
const MAX_UNASKED_BYTES = 1024 * 1024;
/** What is no longer is a few lines, or an IDENTIFY. */
const MAX_SHORT_BYTES = 1024;
/** To read so much of what is not whole, or is dropped, is a step. */
const BYTES_PER_STEP = 512;

/**
 * One stream and its session: bytes to and fro, its share of each turn of the event loop, back-pressure, deadlines, closing.
 * Nothing throws out of a stream's callback, and however the connection ends, so does the session.
 */
export class Connection {
  readonly #host: ConnectionHost;
  readonly #stream: ByteStream;
  readonly #session: Session;
  #ticksLeft: number;
  /** What the peer is to do next: send, read its answers, or go. */
  #waits: 'for bytes' | 'for drain' | 'for close' = 'for bytes';
  /** Who has what has come: a turn of the event loop that is to answer it, or the host, who is to let the peer in. */
  #isBusy: 'answering' | 'admitting' | false = false;
  #isPaused = false;
  #unaskedBytes = 0;
  /** What has come since the last answer. */
  #cameBytes = 0;
  /** What the stream was given back, until there is time to read it. */
  #putOffBytes = 0;
  #hasEnded = false;

  constructor(host: ConnectionHost, stream: ByteStream, session: Session) {
    this.#host = host;
    this.#stream = stream;
    this.#session = session;
    this.#ticksLeft = host.deadlines.identify;

    // Bytes last: a stream that refuses a listener is then one from which none come.
    stream.on('error', (error: unknown) => this.destroy(error instanceof Error ? error.message : String(error)));
    stream.on('close', () => {
      this.#waits = 'for close';
      this.#session.end('connection closed');
      this.#weigh();
      this.#host.onClosed(this.#stream);
    });
    stream.on('drain', () => this.#try(() => this.#drained()));
    stream.on('end', () => this.#try(() => this.#ended()));
    stream.on('data', (bytes: Uint8Array | string) => this.#try(() => this.#receive(bytes)));
  }

  /** What is kept of the peer's input until it is whole, or answered. */
  get heldBytes(): number {
    return this.#waits === 'for close' ? 0 : this.#putOffBytes + this.#session.heldBytes;
  }

  /** A look at the deadline. */
  tick(): void {
    if (--this.#ticksLeft > 0) return;
    const { observe } = this.#host;
    if (this.#waits !== 'for bytes') {
      this.#try(() => observe?.limit('drainTimeoutMs'));
      this.destroy('answers not read in time');
    } else if (this.#session.isIdentified) this.refuse('silent for too long', 'silenceTimeoutMs');
    else this.refuse('no IDENTIFY in time', 'identifyTimeoutMs');
  }

  refuse(reason: string, limit: PeerLimit): void {
    this.#try(() => this.#host.observe?.limit(limit));
    this.#try(() => this.#deliver(this.#session.refuse('E_INVALID', reason)));
    this.#weigh();
  }

  destroy(reason: string): void {
    const { onError, onClosed } = this.#host;
    this.#waits = 'for close';
    this.#session.end(reason);
    this.#weigh();
    callGuarded(onError, 'a stream threw when it was destroyed', () => this.#stream.destroy());
    onClosed(this.#stream);
  }

  #receive(bytes: Uint8Array | string): void {
    if (typeof bytes === 'string') throw new TypeError('the stream gives text: do not call setEncoding on it');
    const { deadlines } = this.#host;
    if (this.#isPaused || this.#waits === 'for close') this.#unaskedBytes += bytes.length;
    if (this.#unaskedBytes > MAX_UNASKED_BYTES) return this.destroy('sent too much too fast, or after the end');
    if (this.#waits === 'for close') return this.#drop(bytes); // it has not read its last answer yet
    if (this.#isIdle && !this.#mayRead(bytes)) return;
    this.#cameBytes += bytes.length;
    this.#session.push(bytes);
    if (this.#isIdle) this.#answer();
    else this.#session.hold();
    if (this.#waits === 'for bytes' && this.#session.isIdentified) this.#ticksLeft = deadlines.silence;
    this.#weigh();
  }

  #drop({ length }: Uint8Array): void {
    const { work } = this.#host;
    if (work.isFree) return work.spend(length / BYTES_PER_STEP);
    this.#stream.pause();
    void work.turn(length / BYTES_PER_STEP).then(() => this.#try(() => this.#stream.resume()));
  }

  /** What this turn has no time to read is given back to the stream, which reads no further meanwhile. */
  #mayRead(bytes: Uint8Array): boolean {
    const { work } = this.#host;
    const isDue = this.#putOffBytes > 0;
    this.#putOffBytes = 0;
    if (isDue || bytes.length <= MAX_SHORT_BYTES || work.isFree || !this.#stream.unshift) return true;
    this.#pause();
    this.#stream.unshift(bytes);
    this.#putOffBytes = bytes.length;
    this.#weigh();
    void work.turn(bytes.length / BYTES_PER_STEP).then(() => this.#try(() => this.#goOn()));
    return false;
  }

  get #isIdle(): boolean {
    return !this.#isBusy && this.#waits === 'for bytes';
  }

  /** Answers what has come, now or, as far as this turn of the event loop does not go, in later ones. */
  #answer(): void {
    const { work } = this.#host;
    this.#isBusy = 'answering';
    const steps = this.#session.answering((piece) => this.#write(piece));
    const isLong = this.#session.heldBytes > MAX_SHORT_BYTES;
    if (isLong || work.isFree || !this.#isOverAtOnce(steps)) {
      work.run(
        steps,
        (output) => this.#try(() => this.#answered(output)),
        (error) => this.#failed(error),
        isLong || undefined,
      );
    }
    if (this.#isIdle || this.#waits === 'for close') return;
    this.#session.hold();
    this.#pause();
  }

  /** What is short, as a PING, is answered in a turn that is used up, too: to put it off would cost more than that. */
  #isOverAtOnce(steps: Steps<SessionOutput>): boolean {
    const { done, value } = steps.next();
    this.#host.work.spend(1);
    if (done === true) this.#answered(value);
    return done === true;
  }

  #answered(output: SessionOutput): void {
    const { work } = this.#host;
    work.spend(Math.min(this.#cameBytes, this.#session.heldBytes) / BYTES_PER_STEP); // what is answered has been paid for
    this.#cameBytes = 0;
    this.#isBusy = output.waits ? 'admitting' : false;
    this.#deliver(output);
    void output.waits?.then(() => this.#try(() => this.#answer()));
    this.#goOn();
    this.#weigh();
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#goOn();
  }

  #drained(): void {
    if (this.#waits !== 'for drain') return;
    const { deadlines } = this.#host;
    this.#waits = 'for bytes';
    if (this.#session.isIdentified) this.#ticksLeft = deadlines.silence;
    if (!this.#isBusy) this.#answer(); // what did not fit
  }

  #goOn(): void {
    if (!this.#isIdle) return;
    if (this.#hasEnded) return this.#deliver(this.#session.end());
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#unaskedBytes = 0;
    this.#stream.resume();
  }

  #deliver({ bytes, close }: SessionOutput): void {
    if (this.#waits === 'for close') return;
    if (bytes.length > 0) this.#write(bytes);
    if (!close) return;
    // What still comes in is read and dropped: unread bytes would reset the connection before the peer has
    // read the answer.
    this.#wait('for close');
    this.#stream.resume();
    this.#stream.end();
  }

  /** Whether the peer may be written more. */
  #write(bytes: Uint8Array): boolean {
    if (this.#waits === 'for close') return false;
    if (this.#stream.write(bytes)) return this.#waits === 'for bytes';
    this.#wait('for drain');
    this.#pause();
    return false;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  #wait(what: 'for drain' | 'for close'): void {
    const { deadlines } = this.#host;
    this.#waits = what;
    if (what === 'for close' || this.#session.isIdentified) this.#ticksLeft = deadlines.drain;
  }

  #weigh(): void {
    this.#host.onHeld(this);
  }

  #try(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    report(this.#host.onError, error, 'a connection was closed, as serving it threw');
    this.destroy('internal error');
  }
}
