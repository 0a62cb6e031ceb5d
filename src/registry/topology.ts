import { createSteadyClock } from '../base/clock.js';
import { printError } from '../base/error-report.js';
import { SILENT_LOGGER, toSafeLogger, type Logger } from '../base/logger.js';
import { checkOptions } from '../base/options.js';
import { SafeEmitter } from '../base/safe-emitter.js';
import { finish, WorkQueue, type Steps } from '../base/work-queue.js';
import { Capacity } from './capacity.js';
import { isEphemeral } from './names.js';
import { withoutBrackets, type PeerInfo } from './peer-info.js';
import {
  ANY,
  channelRegistration,
  CLIENT,
  isHeardOf,
  topicRegistration,
  type Producer,
  type Registration,
} from './registration.js';
import { Succession } from './succession.js';
import type { OperatorWrite } from './topology-answers.js';
import {
  DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  DEFAULT_MAX_REGISTRATIONS,
  DEFAULT_MAX_REGISTRATIONS_PER_PEER,
  DEFAULT_MAX_REGISTRY_BYTES,
  DEFAULT_TOMBSTONE_LIFETIME_MS,
  TOPOLOGY_CHECKS,
  type TopologyOptions,
} from './topology-options.js';
import { TopologyReads } from './topology-reads.js';

/** Above this what a leaving peer leaves behind is cleared away later. */
const MAX_LEFT_AT_ONCE = 500;
/** The part of the registry that what is made without a producer does not get. */
const RESERVED_FOR_PEERS = 0.1;

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
export class Topology extends TopologyReads {
  /** What long work is shared out with, over the turns of the event loop. */
  readonly work: WorkQueue;
  /** What the registry may hold. */
  readonly capacity: Capacity;
  /** The origins of peers in the registry that hold a connection elsewhere now: whoever brings those keeps this. */
  readonly liveOrigins = new Set<string>();
  readonly #maxRegistrationsPerPeer: number;
  readonly #log: Logger;
  readonly #succession: Succession;
  readonly #events: SafeEmitter<{ writes: (write: OperatorWrite) => void }>;

  /** Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind. */
  constructor(options: TopologyOptions) {
    const {
      db,
      clock = createSteadyClock(),
      wallClock = options.clock ?? Date.now,
      inactiveProducerTimeoutMs = DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
      tombstoneLifetimeMs = DEFAULT_TOMBSTONE_LIFETIME_MS,
      maxRegistrations = DEFAULT_MAX_REGISTRATIONS,
      maxRegistrationsPerPeer = DEFAULT_MAX_REGISTRATIONS_PER_PEER,
      maxRegistryBytes = DEFAULT_MAX_REGISTRY_BYTES,
      log = SILENT_LOGGER,
      onError = printError,
      work = new WorkQueue({ onError }),
    } = checkOptions('Topology', options, TOPOLOGY_CHECKS);
    super(db, clock, wallClock, { inactiveProducerTimeoutMs, tombstoneLifetimeMs });
    this.work = work;
    this.capacity = new Capacity(db, maxRegistrations, maxRegistryBytes, (registration) =>
      this.#log.warn?.(`DB: removing ${describe(registration)} to make room`),
    );
    this.#maxRegistrationsPerPeer = maxRegistrationsPerPeer;
    this.#succession = new Succession(db, this.liveOrigins);
    this.#events = new SafeEmitter(onError);
    this.#log = toSafeLogger(log, onError);
  }

  /** Adds a topic that needs no producer. False, with nothing changed, if that would pass a limit. */
  createTopic(topic: string): boolean {
    return this.#create(topicRegistration(topic));
  }

  /** Adds a channel, and its topic, that need no producer. False, with nothing changed, if that would pass a limit. */
  createChannel(topic: string, channel: string): boolean {
    return this.#create(channelRegistration(topic, channel), topicRegistration(topic));
  }

  /** Removes a topic with its channels; its producers come back when they register again. */
  deleteTopic(topic: string): void {
    finish(this.deletingTopic(topic));
  }

  /** The same in steps, as a topic may have many channels, and many producers. */
  *deletingTopic(topic: string): Steps {
    this.#told({ type: 'delete', topic, channel: '' });
    yield* this.#removingChannels(topic);
    yield* this.#removing(topicRegistration(topic));
  }

  /** Removes a channel. False if there is none. */
  deleteChannel(topic: string, channel: string): boolean {
    return finish(this.deletingChannel(topic, channel));
  }

  /** The same in steps, as a channel may have many producers. */
  *deletingChannel(topic: string, channel: string): Steps<boolean> {
    this.#told({ type: 'delete', topic, channel });
    return yield* this.#removing(channelRegistration(topic, channel));
  }

  /**
   * Hides the producers of a topic at a node from lookups for the tombstone lifetime, and answers how many.
   * `node` is `broadcast address:http port`, an IPv6 address with or without brackets.
   */
  tombstone(topic: string, node: string): number {
    this.#told({ type: 'tombstone', topic, node });
    return this.#tombstone('setting', topic, node, this.clock());
  }

  /**
   * Ends the tombstones of a topic's producers at a node, which `tombstone` names alike, before their time, and answers how many.
   */
  untombstone(topic: string, node: string): number {
    const endedMs = Math.min(0, this.clock() - this.lifetimes.tombstoneLifetimeMs);
    return this.#tombstone('ending', topic, node, endedMs, (producer) => producer?.tombstonedAtMs !== undefined);
  }

  /**
   * Calls the listener before each write of an operator's, also one that will change nothing. Answers a function that ends it. What
   * it throws goes to `onError`.
   */
  onWrite(listener: (write: OperatorWrite) => void): () => void {
    const own = (write: OperatorWrite) => listener(write);
    this.#events.on('writes', own);
    return () => void this.#events.off('writes', own);
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
    const added = registrations.filter((registration) => !db.getProducer(registration, peer));
    if (added.length > 0 && db.countRegistrationsOf(peer) + added.length > this.#maxRegistrationsPerPeer) return false;
    const formers = this.#succession.formersOf(peer);
    const isNew = (registration: Registration) => !formers.some((former) => db.getProducer(registration, former));
    const grown = formers.length === 0 ? added : added.filter(isNew); // to take one over needs no room
    return this.capacity.grow(grown, grown.length, () => {
      for (const registration of formers.length === 0 ? added : registrations) {
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
    for (const former of this.#succession.formersOf(peer)) this.#release(former, registration);
    this.#release(peer, registration);
    if (isEphemeral(channel)) finish(this.#dropping(registration));
  }

  /** A peer no longer carries a topic and all of its channels; in steps, as it may have many. */
  *unregistering(peer: PeerInfo, topic: string): Steps {
    for (const former of this.#succession.formersOf(peer)) yield* this.unregistering(former, topic);
    for (const registration of this.db.registrationsOf(peer, topic)) {
      if (registration.category !== 'channel' || !this.db.removeProducer(registration, peer)) continue;
      this.#log.warn?.(`client(${peer.id}) unexpected UNREGISTER ${describe(registration)}`);
      if (isEphemeral(registration.subkey)) yield* this.#dropping(registration);
      yield this.#stepsOfALine;
    }
    yield* this.releasing(peer, topicRegistration(topic));
  }

  /** A peer no longer carries exactly that registration; in steps, as an ephemeral topic goes with its channels. */
  *releasing(peer: PeerInfo, registration: Registration): Steps {
    this.#release(peer, registration);
    if (isEphemeral(nameOf(registration))) yield* this.#dropping(registration);
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

  /** To put a line together for the log is more work than most changes. */
  get #stepsOfALine(): number {
    return this.#log.info ? 4 : 1;
  }

  *#leaving(peer: PeerInfo, left: Iterable<Registration>): Steps {
    for (const registration of left) {
      this.#logLeft(peer, registration);
      if (isEphemeral(nameOf(registration))) yield* this.#dropping(registration);
      yield this.#stepsOfALine;
    }
  }

  #release(peer: PeerInfo, registration: Registration): void {
    if (this.db.removeProducer(registration, peer)) this.#logLeft(peer, registration);
  }

  #logLeft(peer: PeerInfo, registration: Registration): void {
    this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
  }

  #create(...registrations: readonly Registration[]): boolean {
    const { db } = this;
    const added = registrations.filter((registration) => !db.hasRegistration(registration));
    const create = () => {
      for (const { key, subkey } of registrations) this.#told({ type: 'create', topic: key, channel: subkey });
      for (const registration of registrations) {
        db.renewIdle(registration);
        this.#log.info?.(toLine('adding', registration));
      }
      for (const registration of added) db.addRegistration(registration);
    };
    return this.capacity.grow(added, 0, create, RESERVED_FOR_PEERS);
  }

  #told(write: OperatorWrite): void {
    this.#events.emit('writes', write);
  }

  #tombstone(
    what: 'setting' | 'ending',
    topic: string,
    node: string,
    atMs: number,
    isMeant: (producer: Producer | undefined) => boolean = () => true,
  ): number {
    this.#log.info?.(`DB: ${what} tombstone for producer@${node} of topic(${topic})`);
    const { db } = this;
    const registration = topicRegistration(topic);
    const peers = db.peersAt(withoutBrackets(node)).filter((peer) => isMeant(db.getProducer(registration, peer)));
    return peers.filter((peer) => db.tombstone(registration, peer, atMs)).length;
  }

  /** One that is ephemeral goes with its last producer. */
  *#dropping(registration: Registration): Steps {
    if (this.db.countProducers(registration) > 0 || !this.db.removeRegistration(registration)) return;
    if (registration.category === 'topic') yield* this.#removingChannels(registration.key);
  }

  *#removingChannels(topic: string): Steps {
    if (topic === ANY) return;
    for (const registration of this.db.eachRegistration('channel', topic, ANY)) {
      yield* this.#removing(registration);
      yield this.#stepsOfALine;
    }
  }

  /** Ends its producers' parts one at a time, then removes it. False if there is no such registration. */
  *#removing(registration: Registration): Steps<boolean> {
    if (!this.db.hasRegistration(registration)) return false;
    this.#log.info?.(toLine('removing', registration));
    for (const { peer } of this.db.producersOf(registration)) {
      if (this.db.removeProducer(registration, peer)) yield;
    }
    return this.db.removeRegistration(registration);
  }
}

function nameOf({ category, key, subkey }: Registration): string {
  return category === 'topic' ? key : subkey;
}

function describe({ category, key, subkey }: Registration): string {
  return `category:${category} key:${key} subkey:${subkey}`;
}

function toLine(verb: 'adding' | 'removing', { category, key, subkey }: Registration): string {
  if (category === 'topic') return `DB: ${verb} topic(${key})`;
  return verb === 'adding'
    ? `DB: adding channel(${subkey}) in topic(${key})`
    : `DB: removing channel(${subkey}) from topic(${key})`;
}
