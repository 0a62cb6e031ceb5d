import { createSteadyClock, type Clock } from '../base/clock.js';
import { finish, type Steps } from '../base/work-queue.js';
import { copiesOf, toNsqdKey, toOnes } from './copies.js';
import type { PeerInfo } from './peer-info.js';
import type { RegistrationDB } from './registration-db.js';
import {
  ANY,
  changesAt,
  CLIENT,
  isHeardOf,
  isTombstoned,
  topicRegistration,
  type Lifetimes,
  type Producer,
} from './registration.js';
import {
  DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  DEFAULT_TOMBSTONE_LIFETIME_MS,
  type TopologyOptions,
} from './topology-options.js';
import type { ActiveProducers, LookupResult, TopologyNode } from './topology-answers.js';

/** To read so many topics of a peer is a step of work. */
const TOPICS_PER_STEP = 10;
/** Below this two clocks are taken to agree. */
const MIN_OFFSET_MS = 5;

/** What consumers and nsqadmin read of a `Topology`. A topic or channel that is `*` reads all. */
export class TopologyReads {
  /** The registry, for what is neither read nor written here: events, revisions, sizes. */
  readonly db: RegistrationDB;
  /** What its ages are measured with: the clock that it was given, or a steady one. */
  readonly clock: Clock;
  /** The lifetimes that it was given, or their defaults. */
  readonly lifetimes: Lifetimes;
  readonly #wallClock: Clock;

  /** Takes options that have been checked. */
  constructor(options: TopologyOptions) {
    this.db = options.db;
    this.clock = options.clock ?? createSteadyClock();
    this.#wallClock = options.wallClock ?? options.clock ?? Date.now;
    const { inactiveProducerTimeoutMs = DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS } = options;
    const { tombstoneLifetimeMs = DEFAULT_TOMBSTONE_LIFETIME_MS } = options;
    this.lifetimes = { inactiveProducerTimeoutMs, tombstoneLifetimeMs };
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
    const { db, lifetimes } = this;
    if (db.eachRegistration('topic', topic, '').next().done === true) return undefined;
    const now = this.clock();
    const isShared = db.broughtCount > 0;
    const active: PeerInfo[] = [];
    const hidden = new Set<string>();
    let changesAtMs = Infinity;
    const isActive = (producer: Producer) => {
      const { peer } = producer;
      changesAtMs = Math.min(changesAtMs, changesAt(producer, now, lifetimes));
      if (isTombstoned(producer, now, lifetimes.tombstoneLifetimeMs)) {
        if (isShared && topic !== ANY) hidden.add(toNsqdKey(peer)); // whichever lookupd holds it
        return false;
      }
      return isHeardOf(peer, now, lifetimes.inactiveProducerTimeoutMs) && active.push(peer) > 0;
    };
    if (topic !== ANY) for (const producer of db.producersOf(topicRegistration(topic))) isActive(producer);
    else
      for (const peer of this.#heardOf(db.peers()))
        for (const { producer } of db.topicsOf(peer)) if (isActive(producer)) break;
    const isShown = (peer: PeerInfo) => !hidden.has(toNsqdKey(peer));
    return { producers: isShared ? toOnes(active).filter(isShown) : active, changesAtMs };
  }

  #heardOf(peers: readonly PeerInfo[]): PeerInfo[] {
    const now = this.clock();
    return peers.filter((peer) => isHeardOf(peer, now, this.lifetimes.inactiveProducerTimeoutMs));
  }

  /** The peers heard of in time, tombstoned or not, with their topics. */
  nodes(): TopologyNode[] {
    return this.nodePeers().map((peer) => this.node(peer));
  }

  /** The peers that `nodes` tells of, for where it would be long. */
  nodePeers(): PeerInfo[] {
    const heard = this.#heardOf([...this.db.producersOf(CLIENT)].map(({ peer }) => peer));
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
    const { db, lifetimes } = this;
    const now = this.clock();
    let changesAtMs = changesAt({ peer, tombstonedAtMs: undefined }, now, lifetimes);
    const topics = new Map<string, { topic: string; isTombstoned: boolean }>();
    for (const copy of this.copiesOf(peer)) {
      for (const { topic, producer } of db.topicsOf(copy)) {
        changesAtMs = Math.min(changesAtMs, changesAt(producer, now, lifetimes));
        const isHidden = isTombstoned(producer, now, lifetimes.tombstoneLifetimeMs);
        topics.set(topic, { topic, isTombstoned: isHidden || topics.get(topic)?.isTombstoned === true });
        if (topics.size % TOPICS_PER_STEP === 0) yield;
      }
    }
    return { peer, topics: [...topics.values()], changesAtMs };
  }
}
