import { printError } from '../base/error-report.js';
import { SILENT_LOGGER, toSafeLogger, type Logger } from '../base/logger.js';
import { checkOptions } from '../base/options.js';
import { finish, WorkQueue, type Steps } from '../base/work-queue.js';
import { OperatorWrites } from './operator-writes.js';
import type { PeerInfo } from './peer-info.js';
import { channelRegistration, CLIENT, isHeardOf, topicRegistration, type Registration } from './registration.js';
import { describe, removingEphemeral, stepsOfALine } from './removal.js';
import { Succession } from './succession.js';
import { DEFAULT_MAX_REGISTRATIONS_PER_PEER, TOPOLOGY_CHECKS, type TopologyOptions } from './topology-options.js';

/** Above this what a leaving peer leaves behind is cleared away later. */
const MAX_LEFT_AT_ONCE = 500;

/**
 * What consumers and nsqadmin read, and what peers and operators write, over a `RegistrationDB`, a clock and two lifetimes.
 * Writes trust their names: check them with `isTopicName` and
 * `isChannelName`. A topic or channel that is `*` reads all; in a write it is a name like any other. What the
 * clock throws goes to the caller.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * topology.createChannel('orders', 'billing');
 * console.log(topology.lookup('orders')?.channels); // [ 'billing' ]
 * console.log(topology.lookup('parcels')); // undefined
 * ```
 */
export class Topology extends OperatorWrites {
  /** What long work is shared out with, over the turns of the event loop. */
  readonly work: WorkQueue;
  /** The origins of peers in the registry that hold a connection elsewhere now: whoever brings those keeps this. */
  readonly liveOrigins = new Set<string>();
  readonly #maxRegistrationsPerPeer: number;
  readonly #log: Logger;
  readonly #succession: Succession;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: TopologyOptions) {
    const checked = checkOptions('Topology', options, TOPOLOGY_CHECKS);
    const { maxRegistrationsPerPeer = DEFAULT_MAX_REGISTRATIONS_PER_PEER, onError = printError } = checked;
    const { db, log = SILENT_LOGGER, work = new WorkQueue({ onError }) } = checked;
    const safeLog = toSafeLogger(log, onError);
    super({ ...checked, log: safeLog, onError });
    this.work = work;
    this.#maxRegistrationsPerPeer = maxRegistrationsPerPeer;
    this.#succession = new Succession(db, this.liveOrigins);
    this.#log = safeLog;
  }

  /**
   * A peer has identified itself: it is a client from now on. One without a connection that was known at its address stays a
   * producer of what this one has not registered, with its tombstone, until this one pings or leaves. False, with nothing
   * changed, past a limit.
   */
  join(peer: PeerInfo): boolean {
    this.#succession.begin(peer);
    const isAdded = this.hold(peer, CLIENT);
    if (!isAdded) this.#succession.end(peer);
    return isAdded;
  }

  /**
   * A peer was heard of. That is no news about what it carries, unless it had been silent for too long, or the clock
   * was set back, so that it will be silent sooner than was thought.
   */
  ping(peer: PeerInfo): void {
    const now = this.clock();
    const wasHeardOf = isHeardOf(peer, now, this.lifetimes.inactiveProducerTimeoutMs);
    const isSetBack = now < peer.lastUpdateMs;
    peer.lastUpdateMs = now;
    if (!wasHeardOf || isSetBack) this.db.touchPeer(peer);
    for (const former of this.#succession.end(peer)) this.leave(former);
  }

  /** A peer carries a topic, and a channel of it unless that is empty. False, with nothing changed, past a limit. */
  register(peer: PeerInfo, topic: string, channel = ''): boolean {
    const registration = topicRegistration(topic);
    if (channel === '') return this.hold(peer, registration);
    return this.hold(peer, channelRegistration(topic, channel), registration);
  }

  /** A peer carries exactly those registrations. False, with nothing changed, past a limit. */
  hold(peer: PeerInfo, ...registrations: readonly Registration[]): boolean {
    const { db } = this;
    const count = db.countRegistrationsOf(peer);
    let added = registrations;
    // Where there is room for all of them, it does not matter which are new.
    if (count + added.length > this.#maxRegistrationsPerPeer || !this.capacity.fits(2 * added.length)) {
      const leaveOutOf = (each: PeerInfo) => {
        added = added.filter((registration) => !db.getProducer(registration, each));
      };
      leaveOutOf(peer);
      if (added.length > 0 && count + added.length > this.#maxRegistrationsPerPeer) return false;
      this.#succession.formersOf(peer).forEach(leaveOutOf); // to take one over needs no room
    }
    return this.capacity.grow(added, added.length, () => {
      for (const registration of registrations) {
        if (db.addProducer(registration, peer))
          this.#log.info?.(`DB: client(${peer.id}) REGISTER ${describe(registration)}`);
        this.#succession.takeOver(peer, registration);
      }
    });
  }

  /** A peer no longer carries a channel; or, without one, the topic and all of its channels. */
  unregister(peer: PeerInfo, topic: string, channel = ''): void {
    if (channel === '') return finish(this.unregistering(peer, topic));
    const registration = channelRegistration(topic, channel);
    for (const each of [...this.#succession.formersOf(peer), peer]) this.#release(each, registration);
    finish(removingEphemeral(this.db, this.#log, registration));
  }

  /** A peer no longer carries a topic and all of its channels; in steps, as it may have many. */
  *unregistering(peer: PeerInfo, topic: string): Steps {
    for (const former of this.#succession.formersOf(peer)) yield* this.unregistering(former, topic);
    for (const registration of this.db.registrationsOf(peer, topic)) {
      if (registration.category !== 'channel' || !this.db.removeProducer(registration, peer)) continue;
      this.#log.warn?.(`client(${peer.id}) unexpected UNREGISTER ${describe(registration)}`);
      yield* removingEphemeral(this.db, this.#log, registration);
      yield stepsOfALine(this.#log);
    }
    yield* this.releasing(peer, topicRegistration(topic));
  }

  /** A peer no longer carries exactly that registration; in steps, as an ephemeral topic goes with its channels. */
  *releasing(peer: PeerInfo, registration: Registration): Steps {
    this.#release(peer, registration);
    yield* removingEphemeral(this.db, this.#log, registration);
  }

  /**
   * A peer has gone, and all that it carried with it. Nothing happens if it was not there. If that is much, it is in no answer
   * from now on, and what is left of it is cleared away in later turns of the event loop (`work`).
   */
  leave(peer: PeerInfo): void {
    for (const former of this.#succession.end(peer)) this.leave(former);
    const count = this.db.countRegistrationsOf(peer);
    const isShort = count <= 1 || (count <= MAX_LEFT_AT_ONCE && this.work.isFree);
    this.work.run(this.#leaving(peer, isShort ? this.db.removePeer(peer) : this.db.hidePeer(peer)));
  }

  *#leaving(peer: PeerInfo, left: Iterable<Registration>): Steps {
    for (const registration of left) {
      this.#logLeft(peer, registration);
      yield* removingEphemeral(this.db, this.#log, registration);
      yield stepsOfALine(this.#log);
    }
  }

  #release(peer: PeerInfo, registration: Registration): void {
    if (this.db.removeProducer(registration, peer)) this.#logLeft(peer, registration);
  }

  #logLeft(peer: PeerInfo, registration: Registration): void {
    this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
  }
}
