import {
  encodeReply,
  PeerDecoder,
  type Announcement,
  type ErrorCode,
  type Identity,
  type PeerLimits,
  type PeerMessage,
  type Reply,
  type TopicMessage,
} from '../protocol/index.js';
import { formatDuration } from '../base/duration.js';
import { toSafeLogger } from '../base/logger.js';
import { printError } from '../base/error-report.js';
import {
  isChannelName,
  isTopicName,
  SILENT_LOGGER,
  type Logger,
  type OnError,
  type PeerInfo,
  type Topology,
} from '../registry/index.js';

/** What a session is made of. */
export interface SessionOptions {
  /** What the peer joins, registers in and leaves. */
  readonly topology: Topology;
  /** What IDENTIFY is answered with, asked each time. */
  readonly announce: () => Announcement;
  /** Names the peer to consumers (`remote_address`), in `/debug` and in the log. */
  readonly remoteAddress: string;
  /** How much the peer may send as one line or body. Defaults: see `PeerLimits`. */
  readonly limits?: PeerLimits | undefined;
  /** Gets the lines that nsqlookupd logs. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** What is to be done after bytes from a peer, or after their end. */
export interface SessionOutput {
  /** The answers, in order and in one piece; empty for none. */
  readonly bytes: Uint8Array;
  /** Whether the conversation is over: close when the bytes are written. */
  readonly close: boolean;
}

type ErrorReply = Extract<Reply, { type: 'error' }>;

const OK_REPLY: Reply = { type: 'ok' };
const OK = encodeReply(OK_REPLY);
const TOO_MANY = 'too many registrations';
const NO_BYTES = new Uint8Array(0);

/**
 * A lookupd's side of the conversation with one peer, without a socket: bytes in, bytes out, changes in the
 * topology. Every error answer ends it, and its end takes the peer out of the topology. It has no deadlines: whoever
 * holds it ends it, with `end` or `refuse`. What the clock or `announce` throws goes to the caller, who is to end it.
 *
 * @example
 * ```js
 * import { encodePeerMessage, RegistrationDB, Session, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
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
  readonly #address: string;
  readonly #log: Logger;
  readonly #decoder: PeerDecoder;
  #peer: PeerInfo | undefined;
  #hasMagic = false;
  #ended = false;

  /** Throws a TypeError when a limit is not a number from 1 on. */
  constructor(options: SessionOptions) {
    this.#topology = options.topology;
    this.#announce = options.announce;
    this.#address = options.remoteAddress;
    this.#log = toSafeLogger(options.log ?? SILENT_LOGGER, options.onError ?? printError);
    this.#decoder = new PeerDecoder(options.limits);
  }

  /** Takes bytes from the peer, cut anywhere. */
  receive(bytes: Uint8Array): SessionOutput {
    const answers: Uint8Array[] = [];
    if (!this.#ended) this.#decoder.push(bytes);
    while (!this.#ended) {
      const message = this.#decoder.next();
      if (message === undefined) break;
      const reply = message.type === 'fault' ? toError(message.code, message.reason) : this.#answer(message);
      if (reply === undefined) continue;
      if (this.#ended) break;
      if (reply.type === 'error') answers.push(this.#fail(reply));
      else answers.push(reply.type === 'ok' ? OK : encodeReply(reply));
    }
    return { bytes: concat(answers), close: this.#ended };
  }

  /**
   * The peer will send no more, or is gone. `reason` is for the log. An IDENTIFY that lacks its body is
   * answered, for a peer that still reads. Further calls do nothing.
   */
  end(reason = 'EOF'): SessionOutput {
    if (this.#ended) return { bytes: NO_BYTES, close: true };
    const fault = this.#decoder.end();
    if (fault) return { bytes: this.#fail(toError(fault.code, fault.reason)), close: true };
    this.#end(reason);
    return { bytes: NO_BYTES, close: true };
  }

  /** Ends the conversation from this side, with an error that says why. */
  refuse(code: ErrorCode, reason: string): SessionOutput {
    return { bytes: this.#ended ? NO_BYTES : this.#fail(toError(code, reason)), close: true };
  }

  /** Whether the peer has identified itself, and so is in the topology until the session ends. */
  get isIdentified(): boolean {
    return this.#peer !== undefined;
  }

  #answer(message: PeerMessage): Reply | undefined {
    switch (message.type) {
      case 'magic':
        this.#hasMagic = true;
        this.#log.info?.(`CLIENT(${this.#address}): desired protocol magic '  V1'`);
        return undefined;
      case 'ping':
        return this.#ping();
      case 'identify':
        return this.#peer ? toError('E_INVALID', 'cannot IDENTIFY again') : undefined;
      case 'identity':
        return this.#identify(message.identity);
      case 'register':
      case 'unregister':
        return this.#changeTopic(message);
    }
  }

  #ping(): Reply {
    const peer = this.#peer;
    if (peer) {
      const last = peer.lastUpdateMs;
      this.#topology.ping(peer);
      this.#log.info?.(`CLIENT(${peer.id}): pinged (last ping ${formatDuration(peer.lastUpdateMs - last)})`);
    }
    return OK_REPLY;
  }

  #identify(identity: Identity): Reply | undefined {
    const peer: PeerInfo = {
      id: this.#address,
      remoteAddress: this.#address,
      ...identity,
      lastUpdateMs: this.#topology.clock(),
    };
    const { broadcastAddress, tcpPort, httpPort, version } = peer;
    this.#log.info?.(
      `CLIENT(${peer.id}): IDENTIFY Address:${broadcastAddress} TCP:${tcpPort} HTTP:${httpPort} Version:${version}`,
    );
    const announcement = this.#announce();
    if (this.#ended) return undefined; // by the host, which was just asked
    if (!this.#topology.join(peer)) return toError('E_INVALID', TOO_MANY);
    this.#peer = peer;
    this.#leaveIfEnded();
    return { type: 'announcement', announcement };
  }

  /** The order of the checks is nsqlookupd's. */
  #changeTopic({ type, topic, channel }: TopicMessage): Reply {
    const peer = this.#peer;
    if (!peer) return toError('E_INVALID', 'client must IDENTIFY');
    if (!isTopicName(topic)) {
      return toError('E_BAD_TOPIC', `${type.toUpperCase()} topic name ${quote(topic)} is not valid`);
    }
    if (channel !== '' && !isChannelName(channel)) {
      return toError('E_BAD_CHANNEL', `${type.toUpperCase()} channel name ${quote(channel)} is not valid`);
    }
    if (type === 'unregister') this.#topology.unregister(peer, topic, channel);
    else if (!this.#topology.register(peer, topic, channel)) return toError('E_INVALID', TOO_MANY);
    this.#leaveIfEnded();
    return OK_REPLY;
  }

  /** A listener of a change may have ended this while the change was made: nothing of it is to stay. */
  #leaveIfEnded(): void {
    if (this.#ended && this.#peer) this.#topology.leave(this.#peer);
  }

  /** Ends the conversation with an error, and gives the bytes that say so. */
  #fail(reply: ErrorReply): Uint8Array {
    const { code, reason } = reply;
    if (code === 'E_BAD_PROTOCOL') {
      this.#ended = true;
      this.#log.info?.(`CLIENT(${this.#address}): ${reason.replace('bad', 'desired')}`);
      this.#log.error?.(`client(${this.#address}) ${reason}`);
      return encodeReply(toError(code, '')); // nsqlookupd answers with the bare code
    }
    this.#log.error?.(`[${this.#address}] - ${code} ${reason}`);
    this.#end(`${code} ${reason}`);
    return encodeReply(reply);
  }

  #end(reason: string): void {
    this.#ended = true;
    if (!this.#hasMagic) {
      this.#log.error?.(`failed to read protocol version - ${reason}`);
      return;
    }
    this.#log.info?.(`PROTOCOL(V1): [${this.#address}] exiting ioloop`);
    if (this.#peer) this.#topology.leave(this.#peer);
    this.#log.error?.(`client(${this.#address}) - ${reason}`);
  }
}

function toError(code: ErrorCode, reason: string): ErrorReply {
  return { type: 'error', code, reason };
}

function quote(name: string): string {
  return `'${name.slice(0, 64)}'`;
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
