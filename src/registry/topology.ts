import { createSteadyClock, type Clock } from '../base/clock.js';
import { SILENT_LOGGER, toSafeLogger, type Logger } from '../base/logger.js';
import { isEphemeral } from './names.js';
import { withoutBrackets, type PeerInfo } from './peer-info.js';
import type { PeerChangeBase } from './change.js';
import type { RegistrationDB } from './registration-db.js';
import { checkOptions } from '../base/options.js';
import { finish, WorkQueue, type Steps } from '../base/work-queue.js';
import {
  ANY,
  channelRegistration,
  CLIENT,
  isActive,
  isHeardOf,
  changesAt,
  isTombstoned,
  topicRegistration,
  type Lifetimes,
  type Producer,
  type Registration,
} from './registration.js';
import { Succession } from './succession.js';
import { Capacity, type IdleKind } from './capacity.js';
import type { ActiveProducers, LookupResult, OperatorWrite, TopologyNode } from './topology-answers.js';
import { copiesOf, OneProducer, toOnes } from './copies.js';
import { callGuarded, printError, type OnError } from '../base/error-report.js';
import {
  DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  DEFAULT_MAX_REGISTRATIONS,
  DEFAULT_MAX_REGISTRATIONS_PER_PEER,
  DEFAULT_MAX_REGISTRY_BYTES,
  DEFAULT_TOMBSTONE_LIFETIME_MS,
  TOPOLOGY_CHECKS,
  type TopologyOptions,
} from './topology-options.js';

/** Above this what a leaving peer leaves behind is cleared away later. */
const MAX_LEFT_AT_ONCE = 500;
/** The part of the registry that what is made without a producer does not get. */
const RESERVED_FOR_PEERS = 0.1;
/** To read so many topics of a peer is a step of work. */
const TOPICS_PER_STEP = 10;
/** Below this two clocks are taken to agree. */
const MIN_OFFSET_MS = 5;

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
export class Topology {
  /** The registry, for what is neither read nor written here: events, revisions, sizes. */
  readonly db: RegistrationDB;
  /** What its ages are measured with: the clock that it was given, or a steady one. */
  readonly clock: Clock;
  /** The lifetimes that it was given, or their defaults. */
  readonly lifetimes: Lifetimes;
  /** What long work is shared out with, over the turns of the event loop. */
  readonly work: WorkQueue;
  /** The origins of peers in the registry that hold a connection elsewhere now: whoever brings those keeps this. */
  readonly liveOrigins = new Set<string>();
  readonly #capacity: Capacity;
  readonly #maxRegistrationsPerPeer: number;
  readonly #log: Logger;
  readonly #succession: Succession;
  readonly #wallClock: Clock;
  readonly #onError: OnError;
  readonly #writeListeners = new Set<(write: OperatorWrite) => void>();

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
    this.db = db;
    this.clock = clock;
    this.#wallClock = wallClock;
    this.work = work;
    this.lifetimes = { inactiveProducerTimeoutMs, tombstoneLifetimeMs };
    this.#capacity = new Capacity(db, maxRegistrations, maxRegistryBytes);
    this.#maxRegistrationsPerPeer = maxRegistrationsPerPeer;
    this.#succession = new Succession(db, this.liveOrigins);
    this.#onError = onError;
    this.#log = toSafeLogger(log, onError);
  }

  /** What the system's clock would have said at a time of `clock`: milliseconds since 1970. */
  toWallMs(clockMs: number): number {
    const offsetMs = this.#wallClock() - this.clock();
    return Math.abs(offsetMs) < MIN_OFFSET_MS ? clockMs : clockMs + Math.round(offsetMs);
  }

  /** All topics, each once. */
  topics(): string[] {
    return this.db.findRegistrations('topic', ANY, '').map(({ key }) => key);
  }

  /** The channels of a topic; none if there is no such topic. */
  channels(topic: string): string[] {
    return this.db.findRegistrations('channel', topic, ANY).map(({ subkey }) => subkey);
  }

  /** The channels of a topic and its active producers, or undefined if there is no such topic. */
  lookup(topic: string): LookupResult | undefined {
    const found = this.producers(topic);
    return found && { channels: this.channels(topic), ...found };
  }

  /** The active producers of a topic, or undefined if there is no such topic; of `*`, those of any. */
  producers(topic: string): ActiveProducers | undefined {
    const registration = topicRegistration(topic);
    if (this.db.eachRegistration('topic', topic, '').next().done === true) return undefined;
    const now = this.clock();
    const producers: PeerInfo[] = [];
    let changesAtMs = Infinity;
    const isNamed = (producer: Producer) => {
      changesAtMs = Math.min(changesAtMs, changesAt(producer, now, this.lifetimes));
      if (!isActive(producer, now, this.lifetimes)) return false;
      producers.push(producer.peer);
      return true;
    };
    if (topic !== ANY && this.db.broughtCount > 0) {
      const one = new OneProducer(now, this.lifetimes);
      for (const producer of this.db.producersOf(registration)) one.add(producer);
      return one.answer();
    }
    if (topic !== ANY) for (const producer of this.db.producersOf(registration)) isNamed(producer);
    else for (const peer of this.#heardOf(this.db.peers(), now)) this.#isAnyOf(peer, isNamed);
    return { producers: this.db.broughtCount > 0 ? toOnes(producers) : producers, changesAtMs };
  }

  #isAnyOf(peer: PeerInfo, isNamed: (producer: Producer) => boolean): boolean {
    for (const { producer } of this.db.topicsOf(peer)) if (isNamed(producer)) return true;
    return false;
  }

  #heardOf(peers: readonly PeerInfo[], now: number): PeerInfo[] {
    return peers.filter((peer) => isHeardOf(peer, now, this.lifetimes.inactiveProducerTimeoutMs));
  }

  /** The peers heard of in time, tombstoned or not, with their topics. */
  nodes(): TopologyNode[] {
    return this.nodePeers().map((peer) => this.node(peer));
  }

  /** The peers that `nodes` tells of, for where it would be long. */
  nodePeers(): PeerInfo[] {
    const clients = [...this.db.producersOf(CLIENT)].map(({ peer }) => peer);
    const heard = this.#heardOf(clients, this.clock());
    return this.db.broughtCount > 0 ? toOnes(heard) : heard;
  }

  /** What the registry knows of the nsqd at a peer's address and ports: the peer, and what other lookupds hold of it. */
  copiesOf(peer: PeerInfo): readonly PeerInfo[] {
    return this.db.broughtCount > 0 ? copiesOf(this.db, peer) : [peer];
  }

  /** A peer, with the topics that it carries. */
  node(peer: PeerInfo): TopologyNode {
    return finish(this.readingNode(peer));
  }

  /** The same in steps, as it may carry many; what changes meanwhile may be told of or not. */
  *readingNode(peer: PeerInfo): Steps<TopologyNode> {
    const now = this.clock();
    let changesAtMs = changesAt({ peer, tombstonedAtMs: undefined }, now, this.lifetimes);
    const topics = new Map<string, { topic: string; isTombstoned: boolean }>();
    for (const copy of this.copiesOf(peer)) {
      for (const { topic, producer } of this.db.topicsOf(copy)) {
        changesAtMs = Math.min(changesAtMs, changesAt(producer, now, this.lifetimes));
        const isHidden = isTombstoned(producer, now, this.lifetimes.tombstoneLifetimeMs);
        topics.set(topic, { topic, isTombstoned: isHidden || topics.get(topic)?.isTombstoned === true });
        if (topics.size % TOPICS_PER_STEP === 0) yield;
      }
    }
    return { peer, topics: [...topics.values()], changesAtMs };
  }

  /** Adds a topic that needs no producer. False, with nothing changed, if that would pass a limit. */
  createTopic(topic: string): boolean {
    return this.#create([topicRegistration(topic)], `DB: adding topic(${topic})`);
  }

  /** Removes a topic with its channels; its producers come back when they register again. */
  deleteTopic(topic: string): void {
    finish(this.deletingTopic(topic));
  }

  /** The same in steps, as a topic may have many channels, and many producers. */
  *deletingTopic(topic: string): Steps {
    this.#told({ type: 'delete', topic, channel: '' });
    yield* this.#removingChannels(topic);
    yield* this.#removing(topicRegistration(topic), `DB: removing topic(${topic})`);
  }

  /** Adds a channel, and its topic, that need no producer. False, with nothing changed, if that would pass a limit. */
  createChannel(topic: string, channel: string): boolean {
    const registrations = [channelRegistration(topic, channel), topicRegistration(topic)];
    return this.#create(
      registrations,
      `DB: adding channel(${channel}) in topic(${topic})`,
      `DB: adding topic(${topic})`,
    );
  }

  /** Removes a channel. False if there is none. */
  deleteChannel(topic: string, channel: string): boolean {
    return finish(this.deletingChannel(topic, channel));
  }

  /** The same in steps, as a channel may have many producers. */
  *deletingChannel(topic: string, channel: string): Steps<boolean> {
    this.#told({ type: 'delete', topic, channel });
    return yield* this.#deletingChannel(topic, channel);
  }

  *#deletingChannel(topic: string, channel: string): Steps<boolean> {
    const line = `DB: removing channel(${channel}) from topic(${topic})`;
    return yield* this.#removing(channelRegistration(topic, channel), line);
  }

  /**
   * Hides the producers of a topic at a node from lookups for the tombstone lifetime, and answers how many.
   * `node` is `broadcast address:http port`, an IPv6 address with or without brackets.
   */
  tombstone(topic: string, node: string): number {
    this.#log.info?.(`DB: setting tombstone for producer@${node} of topic(${topic})`);
    const now = this.clock();
    const registration = topicRegistration(topic);
    this.#told({ type: 'tombstone', topic, node });
    return this.db.peersAt(withoutBrackets(node)).filter((peer) => this.db.tombstone(registration, peer, now)).length;
  }

  /**
   * Ends the tombstones of a topic's producers at a node, which `tombstone` names alike, before their time, and answers how many.
   */
  untombstone(topic: string, node: string): number {
    this.#log.info?.(`DB: ending tombstone for producer@${node} of topic(${topic})`);
    const registration = topicRegistration(topic);
    const endedMs = Math.min(0, this.clock() - this.lifetimes.tombstoneLifetimeMs);
    const isHidden = (peer: PeerInfo) => this.db.getProducer(registration, peer)?.tombstonedAtMs !== undefined;
    const hidden = this.db.peersAt(withoutBrackets(node)).filter(isHidden);
    return hidden.filter((peer) => this.db.tombstone(registration, peer, endedMs)).length;
  }

  /**
   * A peer has identified itself: it is a client from now on. One without a connection that was known at its address stays a
   * producer of what this one has not registered, with its tombstone, until this one pings or leaves. False, with nothing
   * changed, past a limit.
   */
  join(peer: PeerInfo): boolean {
    this.#succession.begin(peer);
    const isAdded = this.#add([CLIENT], peer);
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

  /**
   * Calls the listener before each write of an operator's, also one that will change nothing. Answers a function that ends it. What
   * it throws goes to `onError`.
   */
  onWrite(listener: (write: OperatorWrite) => void): () => void {
    const own = (write: OperatorWrite) => listener(write);
    this.#writeListeners.add(own);
    return () => void this.#writeListeners.delete(own);
  }

  /**
   * A peer that another lookupd holds, by the key that names it everywhere; as with `join`, one at its address that no lookupd holds any more is
   * followed by it. Undefined, with nothing changed, past a limit.
   */
  bring(peerKey: string, peer: PeerInfo): PeerInfo | undefined {
    if (!this.#capacity.fits([CLIENT], 1, 0)) return undefined;
    const producer = { peer, tombstonedAtMs: undefined };
    this.db.apply({ type: 'producerAdded', registration: CLIENT, peer, peerKey, producer, revision: 0 });
    const brought = this.db.broughtBy(peerKey)!;
    this.#succession.begin(brought);
    return brought;
  }

  /** It carries exactly that registration. False, with nothing changed, past a limit. */
  hold(peer: PeerInfo, registration: Registration): boolean {
    if (!this.#add([registration], peer)) return false;
    this.#succession.takeOver(peer, registration);
    return true;
  }

  /** It no longer carries exactly that registration. */
  release(peer: PeerInfo, registration: Registration): void {
    const { category, key, subkey } = registration;
    this.#remove(registration, peer);
    if (isEphemeral(category === 'topic' ? key : subkey)) finish(this.#droppingIfEmpty(registration));
  }

  /** Adds a registration that another lookupd has, without a producer. False, with nothing changed, past a limit. */
  adopt(registration: Registration): boolean {
    if (!this.#capacity.fits([registration], 0, 0)) return false;
    this.db.apply({ type: 'registrationAdded', registration, isMade: false, revision: 0 });
    this.#makeRoom('left', 'made');
    return true;
  }

  /** A peer carries a topic, and a channel of it unless that is empty. False, with nothing changed, past a limit. */
  register(peer: PeerInfo, topic: string, channel = ''): boolean {
    const registration = topicRegistration(topic);
    const registrations = channel === '' ? [registration] : [channelRegistration(topic, channel), registration];
    return this.#add(registrations, peer);
  }

  /** A peer no longer carries a channel; or, without one, the topic and all of its channels. */
  unregister(peer: PeerInfo, topic: string, channel = ''): void {
    if (channel === '') return finish(this.unregistering(peer, topic));
    const registration = channelRegistration(topic, channel);
    for (const each of [peer, ...this.#succession.formersOf(peer)]) this.#remove(registration, each);
    if (isEphemeral(channel)) finish(this.#droppingIfEmpty(registration));
  }

  /** A peer no longer carries a topic and all of its channels; in steps, as it may have many. */
  *unregistering(peer: PeerInfo, topic: string): Steps {
    for (const former of this.#succession.formersOf(peer)) yield* this.unregistering(former, topic);
    for (const registration of this.db.registrationsOf(peer, topic)) {
      if (registration.category !== 'channel' || !this.db.removeProducer(registration, peer)) continue;
      this.#log.warn?.(`client(${peer.id}) unexpected UNREGISTER ${describe(registration)}`);
      if (isEphemeral(registration.subkey)) yield* this.#droppingIfEmpty(registration);
      yield this.#stepsOfALine;
    }
    const registration = topicRegistration(topic);
    this.#remove(registration, peer);
    if (isEphemeral(topic)) yield* this.#droppingIfEmpty(registration);
  }

  /**
   * Makes a registration as it was before a restart, and, if a peer is named, one without a connection a producer of it. False,
   * with nothing changed, past a limit of the whole registry.
   */
  bringBack(registration: Registration, isMade: boolean, named?: PeerChangeBase): boolean {
    const { db } = this;
    if (!this.#capacity.fits([registration], named ? 1 : 0, 0)) return false;
    if (isMade || !named) db.apply({ type: 'registrationAdded', registration, isMade, revision: 0 });
    const peer = named && db.broughtBy(named.peerKey);
    if (peer) db.addProducer(registration, peer);
    else if (named) {
      const producer = { peer: named.peer, tombstonedAtMs: undefined };
      db.apply({ type: 'producerAdded', registration, producer, ...named, revision: 0 });
    }
    this.#makeRoom('left', 'made');
    return true;
  }

  /**
   * A peer has gone, and all that it carried with it. Nothing happens if it was not there. If that is much, it is in no answer
   * from now on, and what is left of it is cleared away in later turns of the event loop (`work`).
   */
  leave(peer: PeerInfo): void {
    for (const former of this.#succession.end(peer)) this.leave(former);
    const count = this.db.countRegistrationsOf(peer);
    const isShort = count <= 1 || (count <= MAX_LEFT_AT_ONCE && this.work.isFree);
    const left = isShort ? this.db.removePeer(peer).values() : this.db.hidePeer(peer);
    this.work.run(this.#leaving(peer, left));
  }

  /** To put a line together for the log is more work than most changes. */
  get #stepsOfALine(): number {
    return this.#log.info ? 4 : 1;
  }

  *#leaving(peer: PeerInfo, left: Iterator<Registration, unknown, undefined>): Steps {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(next.value)}`);
      const { category, key, subkey } = next.value;
      if (isEphemeral(category === 'topic' ? key : subkey)) yield* this.#droppingIfEmpty(next.value);
      yield this.#stepsOfALine;
    }
  }

  #add(registrations: readonly Registration[], peer: PeerInfo): boolean {
    const { db } = this;
    const added = registrations.filter((registration) => !db.getProducer(registration, peer));
    if (added.length === 0) return true;
    if (db.countRegistrationsOf(peer) + added.length > this.#maxRegistrationsPerPeer) return false;
    const grown = added.filter((registration) => !this.#succession.isFormers(peer, registration));
    if (grown.length > 0 && !this.#capacity.fits(grown, grown.length, 0)) return false;
    for (const registration of added) {
      db.addProducer(registration, peer);
      this.#succession.takeOver(peer, registration);
      this.#log.info?.(`DB: client(${peer.id}) REGISTER ${describe(registration)}`);
    }
    this.#makeRoom('left', 'made');
    return true;
  }

  #create(registrations: readonly Registration[], ...lines: readonly string[]): boolean {
    const added = registrations.filter((registration) => !this.db.hasRegistration(registration));
    if (!this.#capacity.fits(added, 0, RESERVED_FOR_PEERS)) return false;
    for (const { key, subkey } of registrations) this.#told({ type: 'create', topic: key, channel: subkey });
    for (const registration of registrations) this.db.renewIdle(registration);
    for (const line of lines) this.#log.info?.(line);
    for (const registration of added) this.db.addRegistration(registration);
    this.#makeRoom('left');
    return true;
  }

  #makeRoom(...kinds: readonly IdleKind[]): void {
    if (!this.#capacity.isPassed) return;
    for (const registration of this.#capacity.makeRoom(kinds)) {
      this.#log.warn?.(`DB: removing ${describe(registration)} to make room`);
    }
  }

  #told(write: OperatorWrite): void {
    for (const listener of this.#writeListeners)
      callGuarded(this.#onError, 'a listener of writes threw', () => listener(write));
  }

  #remove(registration: Registration, peer: PeerInfo): void {
    if (this.db.removeProducer(registration, peer)) {
      this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
    }
  }

  *#droppingIfEmpty(registration: Registration): Steps {
    if (this.db.countProducers(registration) > 0 || !this.db.removeRegistration(registration)) return;
    if (registration.category === 'topic') yield* this.#removingChannels(registration.key);
  }

  *#removingChannels(topic: string): Steps {
    if (topic === ANY) return;
    for (const registration of this.db.eachRegistration('channel', topic, ANY)) {
      yield* this.#deletingChannel(topic, registration.subkey);
      yield this.#stepsOfALine;
    }
  }

  /** Ends its producers' parts one at a time, then removes it. False if there is no such registration. */
  *#removing(registration: Registration, line: string): Steps<boolean> {
    if (!this.db.hasRegistration(registration)) return false;
    this.#log.info?.(line);
    for (const { peer } of this.db.producersOf(registration)) {
      if (this.db.removeProducer(registration, peer)) yield;
    }
    return this.db.removeRegistration(registration);
  }
}

function describe({ category, key, subkey }: Registration): string {
  return `category:${category} key:${key} subkey:${subkey}`;
}
