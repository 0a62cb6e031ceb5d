import { concat } from '../base/bytes.js';
import { formatDuration } from '../base/duration.js';
import { isThenable, printError, report, type OnError } from '../base/error-report.js';
import { SILENT_LOGGER, toSafeLogger, type Logger } from '../base/logger.js';
import { checkOptions } from '../base/options.js';
import { finish, type Steps } from '../base/work-queue.js';
import {
  encodeReply,
  PeerDecoder,
  type Announcement,
  type ErrorCode,
  type Identity,
  type PeerMessage,
  type Reply,
  type TopicMessage,
} from '../protocol/index.js';
import {
  SESSION_CHECKS,
  type PeerCommand,
  type PeerObserver,
  type SessionOptions,
  type Verdict,
} from './session-options.js';
import { isChannelName, isTopicName, type PeerInfo, type Topology } from '../registry/index.js';

/** What is to be done after bytes from a peer, or after their end. */
export interface SessionOutput {
  /** The answers, in order and in one piece; empty for none. */
  readonly bytes: Uint8Array;
  /** Whether the conversation is over: close when the bytes are written. */
  readonly close: boolean;
  /** Set while the host makes up its mind: nothing more is answered before it has resolved and `receive` is called again. */
  readonly waits?: Promise<void> | undefined;
}

type ErrorReply = Extract<Reply, { type: 'error' }>;

const OK = encodeReply({ type: 'ok' });
const FULL = toError('E_INVALID', 'too many registrations');
const FULL_BYTES = encodeReply(FULL);
const PINGS_PER_STEP = 16;
const CHANGE_STEPS = 4;
const LOGGED_STEPS = 8;
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
  readonly #topology: Topology;
  readonly #announce: () => Announcement;
  readonly #admit: (identity: Identity) => Verdict | PromiseLike<Verdict>;
  readonly #address: string;
  #log: Logger;
  readonly #onError: OnError;
  readonly #observe: PeerObserver | undefined;
  readonly #decoder: PeerDecoder;
  #state: 'magic' | 'open' | 'waiting' | 'ended' = 'magic';
  #waits: Promise<void> | undefined;
  #verdict: Verdict | undefined;
  #peer: PeerInfo | undefined;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: SessionOptions) {
    const { topology, announce, remoteAddress, admit, observe, limits, log, onError } = checkOptions(
      'Session',
      options,
      SESSION_CHECKS,
    );
    this.#topology = topology;
    this.#announce = announce;
    this.#admit = admit ?? ((identity) => identity);
    this.#address = remoteAddress;
    this.#onError = onError ?? printError;
    this.#observe = observe;
    this.#log = toSafeLogger(log ?? SILENT_LOGGER, this.#onError);
    this.#decoder = new PeerDecoder(limits);
  }

  /** Takes bytes from the peer, cut anywhere, and answers all that is whole. */
  receive(bytes: Uint8Array): SessionOutput {
    this.push(bytes);
    return finish(this.answering());
  }

  /** Takes bytes from the peer, which `answering` is to answer. */
  push(bytes: Uint8Array): void {
    if (this.#state !== 'ended') this.#decoder.push(bytes);
  }

  /** Answers what has been pushed and is whole, in steps of a message or less. To be called again when it is over. */
  *answering(): Steps<SessionOutput> {
    const answers: Uint8Array[] = [];
    while (this.#state === 'magic' || this.#state === 'open') {
      const verdict = this.#verdict;
      this.#verdict = undefined;
      if (verdict) this.#answer('identify', this.#join(verdict), answers);
      if (this.#isOver) break;
      const message = this.#decoder.next();
      if (message === undefined) break;
      if (message.type === 'fault') {
        if (message.limit) this.#observe?.limit(message.limit);
        answers.push(this.#end(message).bytes);
      } else {
        const reply = isLong(message) ? yield* this.#unregisterTopic(message) : this.#take(message);
        this.#answer(message.type, reply, answers);
      }
      // A PING that nobody logs is a small part of a step; a change, and the lines of a log, are some.
      if (this.#log.info) yield LOGGED_STEPS;
      else if (message.type !== 'ping') yield CHANGE_STEPS;
      else if (answers.length % PINGS_PER_STEP === 0) yield;
    }
    const output = { bytes: concat(answers), close: this.#state === 'ended' };
    return this.#waits && !this.#isOver ? { ...output, waits: this.#waits } : output;
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
    return this.#peer !== undefined;
  }

  /** Bytes that are kept of what is not answered yet. */
  get heldBytes(): number {
    return this.#decoder.heldBytes;
  }

  get #isOver(): boolean {
    return this.#state === 'ended';
  }

  #answer(type: PeerMessage['type'], reply: Uint8Array | ErrorReply | undefined, answers: Uint8Array[]): void {
    if (this.#state === 'ended' || reply === undefined) return; // the host may have ended it, being asked or told
    if (this.#observe) this.#tell(this.#observe, type, reply);
    answers.push(reply instanceof Uint8Array ? reply : this.#end(reply).bytes);
  }

  #tell(observe: PeerObserver, type: PeerMessage['type'], reply: Uint8Array | ErrorReply): void {
    const isFull = reply === FULL || reply === FULL_BYTES;
    if (isFull) observe.limit('maxRegistrations');
    if (reply === FULL_BYTES) observe.error(FULL.code); // another error ends the conversation, and is told there
    const command = type === 'identity' ? 'identify' : (type as PeerCommand); // a magic has no answer
    observe.command(command, isFull ? FULL.code : reply instanceof Uint8Array ? 'OK' : reply.code);
  }

  /** The answer, an error that ends the conversation, or undefined for what is not answered, or not yet. */
  #take(message: PeerMessage): Uint8Array | ErrorReply | undefined {
    switch (message.type) {
      case 'magic':
        this.#state = 'open';
        this.#log.info?.(`CLIENT(${this.#address}): desired protocol magic '  V1'`);
        return undefined;
      case 'ping':
        return this.#ping();
      case 'identify':
        return this.#peer ? toError('E_INVALID', 'cannot IDENTIFY again') : undefined;
      case 'identity':
        return this.#identify(message.identity);
      case 'register':
        return this.#register(message);
      case 'unregister':
        return this.#unregister(message);
    }
  }

  #ping(): Uint8Array {
    const peer = this.#peer;
    if (peer) {
      const last = peer.lastUpdateMs;
      this.#topology.ping(peer);
      this.#log.info?.(`CLIENT(${peer.id}): pinged (last ping ${formatDuration(peer.lastUpdateMs - last)})`);
    }
    return OK;
  }

  #identify(identity: Identity): Uint8Array | ErrorReply | undefined {
    const { broadcastAddress, tcpPort, httpPort, version } = identity;
    this.#log.info?.(
      `CLIENT(${this.#address}): IDENTIFY Address:${broadcastAddress} TCP:${tcpPort} HTTP:${httpPort} Version:${version}`,
    );
    const failed = (error: unknown): Verdict => {
      report(this.#onError, error, 'admit threw');
      return { refused: 'admission failed' };
    };
    let verdict: Verdict | PromiseLike<Verdict>;
    try {
      verdict = this.#admit(identity);
    } catch (error) {
      verdict = failed(error);
    }
    if (!isThenable(verdict)) return this.#join(verdict);
    this.#state = 'waiting';
    this.#waits = Promise.resolve(verdict)
      .catch(failed)
      .then((late) => {
        this.#waits = undefined;
        if (this.#state === 'ended') return;
        this.#state = 'open';
        this.#verdict = late;
      });
    return undefined;
  }

  #join(verdict: Verdict): Uint8Array | ErrorReply | undefined {
    if ('refused' in verdict) {
      this.#observe?.refused();
      this.#log = SILENT_LOGGER; // who has refused it says so where it will
      return toError('E_INVALID', verdict.refused);
    }
    const address = this.#address;
    const peer: PeerInfo = { id: address, remoteAddress: address, ...verdict, lastUpdateMs: this.#topology.clock() };
    const announcement = this.#announce();
    if (this.#state === 'ended') return undefined; // by the host, which was just asked
    if (!this.#topology.join(peer)) return FULL;
    this.#peer = peer;
    this.#leaveIfEnded();
    return encodeReply({ type: 'announcement', announcement });
  }

  /** At its limit the registry refuses a registration, and not the peer, which would lose all that it has. */
  #register(message: TopicMessage): Uint8Array | ErrorReply {
    const peer = this.#checked(message);
    if ('code' in peer) return peer;
    if (this.#topology.register(peer, message.topic, message.channel)) {
      this.#leaveIfEnded();
      return OK;
    }
    this.#log.error?.(`[${this.#address}] - ${FULL.code} ${FULL.reason}`);
    return FULL_BYTES;
  }

  #unregister(message: TopicMessage): Uint8Array | ErrorReply {
    const peer = this.#checked(message);
    if ('code' in peer) return peer;
    this.#topology.unregister(peer, message.topic, message.channel);
    return OK;
  }

  *#unregisterTopic(message: TopicMessage): Steps<Uint8Array | ErrorReply> {
    const peer = this.#checked(message);
    if ('code' in peer) return peer;
    yield* this.#topology.unregistering(peer, message.topic);
    return OK;
  }

  /** The peer, or what is wrong with the message. The order of the checks is nsqlookupd's. */
  #checked({ type, topic, channel }: TopicMessage): PeerInfo | ErrorReply {
    const command = type.toUpperCase();
    if (!this.#peer) return toError('E_INVALID', 'client must IDENTIFY');
    if (!isTopicName(topic)) return toError('E_BAD_TOPIC', `${command} topic name ${quote(topic)} is not valid`);
    if (channel === '' || isChannelName(channel)) return this.#peer;
    return toError('E_BAD_CHANNEL', `${command} channel name ${quote(channel)} is not valid`);
  }

  /** A listener of a change may have ended this while the change was made: nothing of it is to stay. */
  #leaveIfEnded(): void {
    if (this.#state === 'ended' && this.#peer) this.#topology.leave(this.#peer);
  }

  /** Ends the conversation: with an error, which the peer is told, or for a reason. */
  #end(why: Pick<ErrorReply, 'code' | 'reason'> | string): SessionOutput {
    if (this.#state === 'ended') return OVER;
    const hadMagic = this.#state !== 'magic';
    this.#state = 'ended';
    this.#decoder.end(); // nothing is kept of what will not be answered
    if (typeof why !== 'string') this.#observe?.error(why.code);
    const [log, address] = [this.#log, this.#address];
    if (typeof why !== 'string' && why.code === 'E_BAD_PROTOCOL') {
      log.info?.(`CLIENT(${address}): ${why.reason.replace('bad', 'desired')}`);
      log.error?.(`client(${address}) ${why.reason}`);
      return { bytes: encodeReply(toError(why.code, '')), close: true }; // nsqlookupd answers with the bare code
    }
    const reason = typeof why === 'string' ? why : `${why.code} ${why.reason}`;
    if (typeof why !== 'string') log.error?.(`[${address}] - ${reason}`);
    if (hadMagic) {
      log.info?.(`PROTOCOL(V1): [${address}] exiting ioloop`);
      if (this.#peer) this.#topology.leave(this.#peer);
      log.error?.(`client(${address}) - ${reason}`);
    } else log.error?.(`failed to read protocol version - ${reason}`);
    return typeof why === 'string' ? OVER : { bytes: encodeReply(toError(why.code, why.reason)), close: true };
  }
}

/** Whether it may change as much as the peer has of a topic. */
function isLong(message: PeerMessage): message is TopicMessage {
  return message.type === 'unregister' && message.channel === '';
}

function toError(code: ErrorCode, reason: string): ErrorReply {
  return { type: 'error', code, reason };
}

function quote(name: string): string {
  return `'${name.slice(0, 64)}'`;
}
