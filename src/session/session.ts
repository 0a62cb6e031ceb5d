import { concat } from '../base/bytes.js';
import { isThenable, printError, type OnError } from '../base/error-report.js';
import { SILENT_LOGGER, toSafeLogger } from '../base/logger.js';
import { checkOptions } from '../base/options.js';
import { finish, type Steps } from '../base/work-queue.js';
import {
  encodeReply,
  PeerDecoder,
  type ErrorCode,
  type Fault,
  type Identity,
  type PeerMessage,
} from '../protocol/index.js';
import { decide } from './admission.js';
import { isLong, tellOf, toError, type Admitted, type Answer } from './answers.js';
import { Membership } from './membership.js';
import { SessionLog, type Ending } from './session-log.js';
import {
  SESSION_CHECKS,
  type PeerObserver,
  type SessionOptions,
  type SessionOutput,
  type Verdict,
} from './session-options.js';

const PIECE_BYTES = 16 * 1024;
const PINGS_PER_STEP = 16;
const CHANGE_STEPS = 4;
const LOGGED_STEPS = 8;
const BODY_BYTES_PER_STEP = 32;
const NO_BYTES = new Uint8Array(0);
const OVER: SessionOutput = { bytes: NO_BYTES, close: true };

/**
 * A lookupd's side of the conversation with one peer, without a socket: bytes in, bytes out, changes in the
 * topology. An error answer ends it, unless it is that the registry is full, and its end takes the peer out of the topology.
 * It has no deadlines: whoever holds it ends it, with `end` or `refuse`. What the clock or `announce` throws goes to the
 * caller, who is to end it.
 *
 * @example
 * ```js
 * import { encodePeerMessage, RegistrationDB, Session, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const here = { broadcastAddress: 'lookupd', hostname: 'lookupd', tcpPort: 4160, httpPort: 4161, version: '1.3.0' };
 * const session = new Session({ topology, announce: () => here, remoteAddress: 'peer-1' });
 * session.receive(encodePeerMessage({ type: 'magic' }));
 * console.log(session.receive(encodePeerMessage({ type: 'ping' })).bytes.length); // 6
 * console.log(session.end().close); // true
 * ```
 */
export class Session {
  // And not the options: of many peers each would keep an object of them.
  readonly #observe: PeerObserver | undefined;
  readonly #onError: OnError;
  readonly #log: SessionLog;
  readonly #decoder: PeerDecoder;
  readonly #membership: Membership;
  /** Until the peer has joined. */
  #admit: SessionOptions['admit'];
  #state: 'magic' | 'open' | 'waiting' | 'ended' = 'magic';
  #waits: PromiseLike<void> | undefined;
  #admitted: Admitted | undefined;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: SessionOptions) {
    const checked = checkOptions('Session', options, SESSION_CHECKS);
    const { remoteAddress, limits, log = SILENT_LOGGER, onError = printError, observe, admit } = checked;
    this.#observe = observe;
    this.#onError = onError;
    this.#log = new SessionLog(toSafeLogger(log, onError), remoteAddress);
    this.#decoder = new PeerDecoder(limits);
    this.#membership = new Membership(checked, this.#log);
    this.#admit = admit;
  }

  /** Takes bytes from the peer, cut anywhere, and answers all that is whole. */
  receive(bytes: Uint8Array): SessionOutput {
    this.push(bytes);
    const pieces: Uint8Array[] = [];
    const output = finish(this.answering((piece) => pieces.push(piece) > 0));
    return { ...output, bytes: concat([...pieces, output.bytes]) };
  }

  /** Takes bytes from the peer, which `answering` is to answer. */
  push(bytes: Uint8Array): void {
    if (this.#state !== 'ended') this.#decoder.push(bytes);
  }

  /**
   * Answers what has been pushed and is whole, in steps of a message or less. Of many answers all but the last go to `write`,
   * in pieces; if it answers false, the rest has to wait for another call. To be called again when it is over.
   */
  *answering(write: (piece: Uint8Array) => boolean): Steps<SessionOutput> {
    let answers: Uint8Array[] = [];
    let length = 0;
    while (this.#state === 'magic' || this.#state === 'open') {
      const message = this.#next();
      if (message === undefined) break;
      const answer = isLong(message) ? yield* this.#membership.unregisterTopic(message) : this.#take(message);
      if (answer && !this.#isOver) {
        if (this.#observe) tellOf(this.#observe, message, answer);
        const bytes = answer instanceof Uint8Array ? answer : this.#end(answer).bytes;
        answers.push(bytes);
        length += bytes.length;
      }
      if (length >= PIECE_BYTES && !this.#isOver) {
        const wantsMore = write(concat(answers));
        answers = [];
        length = 0;
        if (!wantsMore) break;
      }
      // A PING that nobody logs is a small part of a step; a change, and the lines of a log, are some.
      if (message.type === 'identity' || message.type === 'fault') yield this.#decoder.bodyBytes / BODY_BYTES_PER_STEP;
      if (this.#log.isFull) yield LOGGED_STEPS;
      else if (message.type !== 'ping') yield CHANGE_STEPS;
      else if (answers.length % PINGS_PER_STEP === 0) yield;
    }
    const output = { bytes: concat(answers), close: this.#isOver };
    return this.#waits && !this.#isOver ? { waits: this.#waits, ...output } : output;
  }

  /** To be called before the bytes that were pushed are used again, while `answering` is not over. */
  hold(): void {
    this.#decoder.hold();
  }

  /**
   * The peer will send no more, or is gone. `reason` is for the log. An IDENTIFY that lacks its body is
   * answered, for a peer that still reads. Further calls do nothing.
   */
  end(reason = 'EOF'): SessionOutput {
    return this.#end(this.#decoder.end() ?? reason);
  }

  /** Ends the conversation from this side, with an error that says why. */
  refuse(code: ErrorCode, reason: string): SessionOutput {
    return this.#end({ code, reason });
  }

  /** Whether the peer has identified itself, and so is in the topology until the session ends. */
  get isIdentified(): boolean {
    return this.#membership.hasJoined;
  }

  /** Bytes of memory that are kept for what is not answered yet. */
  get heldBytes(): number {
    return this.#decoder.heldBytes;
  }

  get #isOver(): boolean {
    return this.#state === 'ended';
  }

  #next(): PeerMessage | Fault | Admitted | undefined {
    const admitted = this.#admitted;
    this.#admitted = undefined;
    return admitted ?? this.#decoder.next();
  }

  #take(message: PeerMessage | Fault | Admitted): Answer {
    switch (message.type) {
      case 'fault':
        return message;
      case 'magic':
        this.#state = 'open';
        this.#log.magic();
        return undefined;
      case 'ping':
        return this.#membership.ping();
      case 'identify':
        return this.isIdentified ? toError('E_INVALID', 'cannot IDENTIFY again') : undefined;
      case 'identity':
        return this.#identify(message.identity);
      case 'admitted':
        return this.#join(message.verdict);
      case 'register':
      case 'unregister':
        return this.#membership.change(message);
    }
  }

  #identify(identity: Identity): Answer {
    this.#log.identified(identity);
    const verdict = decide(this.#admit, identity, this.#onError);
    if (!isThenable(verdict)) return this.#join(verdict);
    this.#state = 'waiting';
    this.#waits = verdict.then((late) => {
      this.#waits = undefined;
      if (this.#isOver) return;
      this.#state = 'open';
      this.#admitted = { type: 'admitted', verdict: late };
    });
    return undefined;
  }

  #join(verdict: Verdict): Answer {
    const answer = this.#membership.join(verdict); // which may throw: then it has not joined, and who tries again is asked about
    this.#admit = undefined;
    return answer;
  }

  #end(why: Ending): SessionOutput {
    if (this.#isOver) return OVER;
    const hadMagic = this.#state !== 'magic';
    this.#state = 'ended';
    this.#decoder.end(); // nothing is kept of what will not be answered
    this.#log.ended(why, hadMagic, () => this.#membership.end());
    if (typeof why === 'string') return OVER;
    this.#observe?.error(why.code);
    // nsqlookupd answers another magic with the bare code
    const reason = why.code === 'E_BAD_PROTOCOL' ? '' : why.reason;
    return { bytes: encodeReply(toError(why.code, reason)), close: true };
  }
}
