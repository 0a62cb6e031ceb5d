import { toPeerInfo } from '../base/identity.js';
import type { Steps } from '../base/work-queue.js';
import { encodeReply, type TopicMessage } from '../protocol/index.js';
import type { PeerInfo } from '../registry/index.js';
import { errorIn, FULL, FULL_BYTES, OK, toError, type Answer, type ErrorReply } from './answers.js';
import type { SessionLog } from './session-log.js';
import type { SessionOptions, Verdict } from './session-options.js';

/** A peer's part in the topology: from when it may join until its conversation ends. */
export class Membership {
  readonly #topology: SessionOptions['topology'];
  readonly #announce: SessionOptions['announce'];
  readonly #observe: SessionOptions['observe'];
  readonly #log: SessionLog;
  #peer: PeerInfo | undefined;
  #isOver = false;

  constructor({ topology, announce, observe }: SessionOptions, log: SessionLog) {
    this.#topology = topology;
    this.#announce = announce;
    this.#observe = observe;
    this.#log = log;
  }

  /** Whether it has begun. */
  get hasJoined(): boolean {
    return this.#peer !== undefined;
  }

  join(verdict: Verdict): Answer {
    const topology = this.#topology;
    const { remoteAddress } = this.#log;
    if ('refused' in verdict) {
      this.#observe?.refused();
      this.#log.stop(); // who has refused it says so where it will
      return toError('E_INVALID', verdict.refused);
    }
    const peer = toPeerInfo(verdict, { id: remoteAddress, remoteAddress, lastUpdateMs: topology.clock() });
    const announce = this.#announce;
    const announcement = announce();
    if (this.#isOver) return undefined; // by the host, which was just asked
    if (!topology.join(peer)) return FULL;
    this.#peer = peer;
    this.#leaveIfOver();
    return encodeReply({ type: 'announcement', announcement });
  }

  ping(): Uint8Array {
    const peer = this.#peer;
    if (peer) {
      const last = peer.lastUpdateMs;
      this.#topology.ping(peer);
      this.#log.pinged(peer, last);
    }
    return OK;
  }

  /** At its limit the registry refuses a registration, and not the peer, which would lose all that it has. */
  change(message: TopicMessage): Answer {
    const topology = this.#topology;
    const { type, topic, channel } = message;
    const peer = this.#checked(message);
    if ('code' in peer) return peer;
    if (type === 'unregister') topology.unregister(peer, topic, channel);
    else if (!topology.register(peer, topic, channel)) {
      this.#log.failed(FULL.code, FULL.reason);
      return FULL_BYTES;
    }
    this.#leaveIfOver();
    return OK;
  }

  *unregisterTopic(message: TopicMessage): Steps<Answer> {
    const peer = this.#checked(message);
    if ('code' in peer) return peer;
    yield* this.#topology.unregistering(peer, message.topic);
    return OK;
  }

  end(): void {
    this.#isOver = true;
    this.#leaveIfOver();
  }

  /** The peer, or what is wrong with the message. */
  #checked(message: TopicMessage): PeerInfo | ErrorReply {
    if (!this.#peer) return toError('E_INVALID', 'client must IDENTIFY');
    return errorIn(message) ?? this.#peer;
  }

  /** A listener of a change may have ended this while the change was made: nothing of it is to stay. */
  #leaveIfOver(): void {
    if (this.#isOver && this.#peer) this.#topology.leave(this.#peer);
  }
}
