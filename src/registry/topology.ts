import type { Clock } from './clock.js';
import { SILENT_LOGGER, type Logger } from './logger.js';
import { isEphemeral } from './names.js';
import type { PeerInfo } from './peer-info.js';
import type { RegistrationDB } from './registration-db.js';
import {
  ANY,
  channelRegistration,
  CLIENT,
  isActive,
  isHeardOf,
  isTombstoned,
  topicRegistration,
  type Lifetimes,
  type Registration,
} from './registration.js';

export const DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS = 300_000;
export const DEFAULT_TOMBSTONE_LIFETIME_MS = 45_000;

export interface TopologyOptions extends Partial<Lifetimes> {
  readonly db: RegistrationDB;
  /** `Date.now` in a service, a clock to turn by hand in a test. */
  readonly clock: Clock;
  /** A peer not heard of for longer than this is left out of lookups and nodes. Default 300,000 (5 minutes). */
  readonly inactiveProducerTimeoutMs?: number;
  /** For how long a tombstone hides a producer. Default 45,000. */
  readonly tombstoneLifetimeMs?: number;
  /** Gets a line for each change, worded as nsqlookupd words it. Default: nothing is logged. */
  readonly log?: Logger;
}

/** Where a topic lives. */
export interface LookupResult {
  readonly channels: readonly string[];
  /** The active producers. */
  readonly producers: readonly PeerInfo[];
}

/** A peer and the topics that it carries. */
export interface Node {
  readonly peer: PeerInfo;
  readonly topics: readonly { readonly topic: string; readonly tombstoned: boolean }[];
}

/**
 * The questions that consumers and nsqadmin ask and the orders that peers and operators give, over a
 * `RegistrationDB`, a clock and two lifetimes. Orders trust their names: check them with `isTopicName` and
 * `isChannelName`. A topic or channel that is `*` asks about all; in an order it is a name like any other.
 */
export class Topology {
  readonly db: RegistrationDB;
  readonly clock: Clock;
  readonly lifetimes: Lifetimes;
  readonly #log: Logger;

  /** Throws a TypeError when the db or the clock is missing, or a lifetime is not a number from 0 on. */
  constructor(options: TopologyOptions) {
    const {
      db,
      clock,
      inactiveProducerTimeoutMs = DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
      tombstoneLifetimeMs = DEFAULT_TOMBSTONE_LIFETIME_MS,
      log = SILENT_LOGGER,
    } = options;
    if (typeof db?.addProducer !== 'function') throw new TypeError('db must be a RegistrationDB');
    if (typeof clock !== 'function') throw new TypeError('clock must be a function such as Date.now');
    this.db = db;
    this.clock = clock;
    this.lifetimes = {
      inactiveProducerTimeoutMs: duration('inactiveProducerTimeoutMs', inactiveProducerTimeoutMs),
      tombstoneLifetimeMs: duration('tombstoneLifetimeMs', tombstoneLifetimeMs),
    };
    this.#log = log;
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
    const registrations = this.db.findRegistrations('topic', topic, '');
    if (registrations.length === 0) return undefined;
    const now = this.clock();
    const peers = new Set<PeerInfo>();
    for (const registration of registrations) {
      for (const producer of this.db.producersOf(registration)) {
        if (isActive(producer, now, this.lifetimes)) peers.add(producer.peer);
      }
    }
    return { channels: this.channels(topic), producers: [...peers] };
  }

  /** The peers heard of in time, tombstoned or not, with their topics. */
  nodes(): Node[] {
    const now = this.clock();
    const { inactiveProducerTimeoutMs, tombstoneLifetimeMs } = this.lifetimes;
    const nodes: Node[] = [];
    for (const { peer } of this.db.producersOf(CLIENT)) {
      if (!isHeardOf(peer, now, inactiveProducerTimeoutMs)) continue;
      const topics: { topic: string; tombstoned: boolean }[] = [];
      for (const registration of this.db.registrationsOf(peer)) {
        if (registration.category !== 'topic') continue;
        const producer = this.db.getProducer(registration, peer);
        const tombstoned = producer !== undefined && isTombstoned(producer, now, tombstoneLifetimeMs);
        topics.push({ topic: registration.key, tombstoned });
      }
      nodes.push({ peer, topics });
    }
    return nodes;
  }

  /** Adds a topic that needs no producer. */
  createTopic(topic: string): void {
    this.#log.info?.(`DB: adding topic(${topic})`);
    this.db.addRegistration(topicRegistration(topic));
  }

  /** Removes a topic with its channels; its producers come back when they register again. */
  deleteTopic(topic: string): void {
    this.#log.info?.(`DB: removing topic(${topic})`);
    this.#removeChannels(topic);
    this.db.removeRegistration(topicRegistration(topic));
  }

  /** Adds a channel, and its topic, that need no producer. */
  createChannel(topic: string, channel: string): void {
    this.#log.info?.(`DB: adding channel(${channel}) in topic(${topic})`);
    this.db.addRegistration(channelRegistration(topic, channel));
    this.createTopic(topic);
  }

  /** Removes a channel. False if there is none. */
  deleteChannel(topic: string, channel: string): boolean {
    const registration = channelRegistration(topic, channel);
    if (!this.db.hasRegistration(registration)) return false;
    this.#log.info?.(`DB: removing channel(${channel}) from topic(${topic})`);
    return this.db.removeRegistration(registration);
  }

  /**
   * Hides the producers of a topic at a node from lookups for the tombstone lifetime, and answers how many.
   * `node` is `broadcast address:http port`, an IPv6 address with or without brackets.
   */
  tombstone(topic: string, node: string): number {
    this.#log.info?.(`DB: setting tombstone for producer@${node} of topic(${topic})`);
    const now = this.clock();
    const wanted = withoutBrackets(node);
    const registration = topicRegistration(topic);
    let count = 0;
    for (const { peer } of this.db.producersOf(registration)) {
      if (withoutBrackets(`${peer.broadcastAddress}:${peer.httpPort}`) !== wanted) continue;
      this.db.tombstone(registration, peer, now);
      count++;
    }
    return count;
  }

  /** A peer has identified itself: it is a client from now on. */
  join(peer: PeerInfo): void {
    this.#add(CLIENT, peer);
  }

  /** A peer was heard of. */
  ping(peer: PeerInfo): void {
    peer.lastUpdateMs = this.clock();
  }

  /** A peer carries a topic, and a channel of it unless that is empty. */
  register(peer: PeerInfo, topic: string, channel = ''): void {
    if (channel !== '') this.#add(channelRegistration(topic, channel), peer);
    this.#add(topicRegistration(topic), peer);
  }

  /** A peer no longer carries a channel; or, without one, the topic and all of its channels. */
  unregister(peer: PeerInfo, topic: string, channel = ''): void {
    if (channel !== '') {
      const registration = channelRegistration(topic, channel);
      this.#remove(registration, peer);
      this.#dropIfEphemeral(registration);
      return;
    }
    for (const registration of this.db.findRegistrations('channel', topic, ANY)) {
      if (!this.db.removeProducer(registration, peer)) continue;
      this.#log.warn?.(`client(${peer.id}) unexpected UNREGISTER ${describe(registration)}`);
      this.#dropIfEphemeral(registration);
    }
    const registration = topicRegistration(topic);
    this.#remove(registration, peer);
    this.#dropIfEphemeral(registration);
  }

  /** A peer has gone, and all that it carried with it. */
  leave(peer: PeerInfo): void {
    for (const registration of this.db.removePeer(peer)) {
      this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
      this.#dropIfEphemeral(registration);
    }
  }

  #add(registration: Registration, peer: PeerInfo): void {
    if (this.db.addProducer(registration, peer)) {
      this.#log.info?.(`DB: client(${peer.id}) REGISTER ${describe(registration)}`);
    }
  }

  #remove(registration: Registration, peer: PeerInfo): void {
    if (this.db.removeProducer(registration, peer)) {
      this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
    }
  }

  #dropIfEphemeral(registration: Registration): void {
    const { category, key, subkey } = registration;
    if (!isEphemeral(category === 'topic' ? key : subkey)) return;
    if (this.db.countProducers(registration) > 0 || !this.db.removeRegistration(registration)) return;
    if (category === 'topic') this.#removeChannels(key);
  }

  #removeChannels(topic: string): void {
    if (topic === ANY) return;
    for (const registration of this.db.findRegistrations('channel', topic, ANY)) {
      this.db.removeRegistration(registration);
    }
  }
}

function describe({ category, key, subkey }: Registration): string {
  return `category:${category} key:${key} subkey:${subkey}`;
}

function withoutBrackets(address: string): string {
  return address.replace(/^\[(.*)\](:\d+)$/, '$1$2');
}

function duration(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new TypeError(`${name} must be a number of milliseconds, 0 or more, and is ${String(value)}`);
}
