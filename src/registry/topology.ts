import type { Clock } from '../base/clock.js';
import { printError } from '../base/error-report.js';
import { SILENT_LOGGER, toSafeLogger, type Logger } from '../base/logger.js';
import { isEphemeral } from './names.js';
import type { PeerInfo } from './peer-info.js';
import type { RegistrationDB } from './registration-db.js';
import { atLeast } from '../base/options.js';
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
  type Registration,
} from './registration.js';
import {
  DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
  DEFAULT_MAX_REGISTRATIONS,
  DEFAULT_MAX_REGISTRATIONS_PER_PEER,
  DEFAULT_TOMBSTONE_LIFETIME_MS,
  type TopologyOptions,
} from './topology-options.js';

/** Where a topic lives. */
export interface LookupResult {
  /** The topic's channels, in the order in which they came. */
  readonly channels: readonly string[];
  /** The active producers. */
  readonly producers: readonly PeerInfo[];
  /** When time alone will next change the producers, unless they ping: in milliseconds since 1970, or Infinity. */
  readonly changesAtMs: number;
}

/** A peer and the topics that it carries. */
export interface Node {
  /** The peer, as it identified itself. */
  readonly peer: PeerInfo;
  /** Each topic that it is a producer of, and whether a tombstone hides it there now. */
  readonly topics: readonly { readonly topic: string; readonly tombstoned: boolean }[];
  /** When time alone will next change this, unless the peer pings: in milliseconds since 1970, or Infinity. */
  readonly changesAtMs: number;
}

/**
 * The questions that consumers and nsqadmin ask and the orders that peers and operators give, over a
 * `RegistrationDB`, a clock and two lifetimes. Orders trust their names: check them with `isTopicName` and
 * `isChannelName`. A topic or channel that is `*` asks about all; in an order it is a name like any other. What the
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
  /** The registry, for what is not asked or ordered here: events, revisions, sizes. */
  readonly db: RegistrationDB;
  /** The clock that it was given. */
  readonly clock: Clock;
  /** The lifetimes that it was given, or their defaults. */
  readonly lifetimes: Lifetimes;
  readonly #maxRegistrations: number;
  readonly #maxRegistrationsPerPeer: number;
  readonly #log: Logger;

  /** Throws a TypeError when the db or the clock is missing, or a lifetime or limit is not a number from 0 on. */
  constructor(options: TopologyOptions) {
    const {
      db,
      clock,
      inactiveProducerTimeoutMs = DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
      tombstoneLifetimeMs = DEFAULT_TOMBSTONE_LIFETIME_MS,
      maxRegistrations = DEFAULT_MAX_REGISTRATIONS,
      maxRegistrationsPerPeer = DEFAULT_MAX_REGISTRATIONS_PER_PEER,
      log = SILENT_LOGGER,
      onError = printError,
    } = options ?? {};
    if (typeof db?.addProducer !== 'function') throw new TypeError('db must be a RegistrationDB');
    if (typeof clock !== 'function') throw new TypeError('clock must be a function such as Date.now');
    this.db = db;
    this.clock = clock;
    this.lifetimes = {
      inactiveProducerTimeoutMs: atLeast(0, 'inactiveProducerTimeoutMs', inactiveProducerTimeoutMs),
      tombstoneLifetimeMs: atLeast(0, 'tombstoneLifetimeMs', tombstoneLifetimeMs),
    };
    this.#maxRegistrations = atLeast(0, 'maxRegistrations', maxRegistrations);
    this.#maxRegistrationsPerPeer = atLeast(0, 'maxRegistrationsPerPeer', maxRegistrationsPerPeer);
    this.#log = toSafeLogger(log, onError);
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
    let changesAtMs = Infinity;
    for (const registration of registrations) {
      for (const producer of this.db.producersOf(registration)) {
        changesAtMs = Math.min(changesAtMs, changesAt(producer, now, this.lifetimes));
        if (isActive(producer, now, this.lifetimes)) peers.add(producer.peer);
      }
    }
    return { channels: this.channels(topic), producers: [...peers], changesAtMs };
  }

  /** The peers heard of in time, tombstoned or not, with their topics. */
  nodes(): Node[] {
    const now = this.clock();
    const { inactiveProducerTimeoutMs, tombstoneLifetimeMs } = this.lifetimes;
    const nodes: Node[] = [];
    for (const client of this.db.producersOf(CLIENT)) {
      const { peer } = client;
      if (!isHeardOf(peer, now, inactiveProducerTimeoutMs)) continue;
      const topics: { topic: string; tombstoned: boolean }[] = [];
      let changesAtMs = changesAt(client, now, this.lifetimes);
      for (const registration of this.db.registrationsOf(peer)) {
        if (registration.category !== 'topic') continue;
        const producer = this.db.getProducer(registration, peer)!; // they name each other
        changesAtMs = Math.min(changesAtMs, changesAt(producer, now, this.lifetimes));
        topics.push({ topic: registration.key, tombstoned: isTombstoned(producer, now, tombstoneLifetimeMs) });
      }
      nodes.push({ peer, topics, changesAtMs });
    }
    return nodes;
  }

  /** Adds a topic that needs no producer. False, with nothing changed, if that would pass a limit. */
  createTopic(topic: string): boolean {
    const registration = topicRegistration(topic);
    if (!this.#hasRoom([registration])) return false;
    this.#log.info?.(`DB: adding topic(${topic})`);
    this.db.addRegistration(registration);
    return true;
  }

  /** Removes a topic with its channels; its producers come back when they register again. */
  deleteTopic(topic: string): void {
    this.#removeChannels(topic);
    const registration = topicRegistration(topic);
    if (!this.db.hasRegistration(registration)) return;
    this.#log.info?.(`DB: removing topic(${topic})`);
    this.db.removeRegistration(registration);
  }

  /** Adds a channel, and its topic, that need no producer. False, with nothing changed, if that would pass a limit. */
  createChannel(topic: string, channel: string): boolean {
    const registration = channelRegistration(topic, channel);
    if (!this.#hasRoom([registration, topicRegistration(topic)])) return false;
    this.#log.info?.(`DB: adding channel(${channel}) in topic(${topic})`);
    this.db.addRegistration(registration);
    return this.createTopic(topic);
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
    for (const { peer } of [...this.db.producersOf(registration)]) {
      if (withoutBrackets(`${peer.broadcastAddress}:${peer.httpPort}`) !== wanted) continue;
      this.db.tombstone(registration, peer, now);
      count++;
    }
    return count;
  }

  /** A peer has identified itself: it is a client from now on. False, with nothing changed, past a limit. */
  join(peer: PeerInfo): boolean {
    return this.#add([CLIENT], peer);
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
  }

  /** A peer carries a topic, and a channel of it unless that is empty. False, with nothing changed, past a limit. */
  register(peer: PeerInfo, topic: string, channel = ''): boolean {
    const registration = topicRegistration(topic);
    return this.#add(channel === '' ? [registration] : [channelRegistration(topic, channel), registration], peer);
  }

  /** A peer no longer carries a channel; or, without one, the topic and all of its channels. */
  unregister(peer: PeerInfo, topic: string, channel = ''): void {
    if (channel !== '') {
      const registration = channelRegistration(topic, channel);
      this.#remove(registration, peer);
      this.#dropIfEphemeral(registration);
      return;
    }
    for (const registration of this.#channelsOf(peer, topic)) {
      if (!this.db.removeProducer(registration, peer)) continue;
      this.#log.warn?.(`client(${peer.id}) unexpected UNREGISTER ${describe(registration)}`);
      this.#dropIfEphemeral(registration);
    }
    const registration = topicRegistration(topic);
    this.#remove(registration, peer);
    this.#dropIfEphemeral(registration);
  }

  /** A peer has gone, and all that it carried with it. Nothing happens if it was not there. */
  leave(peer: PeerInfo): void {
    for (const registration of this.db.removePeer(peer)) {
      this.#log.info?.(`DB: client(${peer.id}) UNREGISTER ${describe(registration)}`);
      this.#dropIfEphemeral(registration);
    }
  }

  /** Where to look for a peer's channels of a topic: among the topic's channels or its own, whichever are fewer. */
  #channelsOf(peer: PeerInfo, topic: string): readonly Registration[] {
    if (this.db.countRegistrations('channel', topic) < this.db.countRegistrationsOf(peer)) {
      return this.db.findRegistrations('channel', topic, ANY);
    }
    const own = this.db.registrationsOf(peer);
    return own.filter(({ category, key }) => category === 'channel' && key === topic);
  }

  #add(registrations: readonly Registration[], peer: PeerInfo): boolean {
    if (!this.#hasRoom(registrations, peer)) return false;
    for (const registration of registrations) {
      if (this.db.addProducer(registration, peer)) {
        this.#log.info?.(`DB: client(${peer.id}) REGISTER ${describe(registration)}`);
      }
    }
    return true;
  }

  /** Whether what is new of the registrations, and of `peer` as their producer, stays within the limits. */
  #hasRoom(registrations: readonly Registration[], peer?: PeerInfo): boolean {
    const room = this.#maxRegistrations - this.db.size;
    const peerRoom = peer ? this.#maxRegistrationsPerPeer - this.db.countRegistrationsOf(peer) : Infinity;
    if (room >= 2 * registrations.length && peerRoom >= registrations.length) return true; // new or not
    const isNew = registrations.filter((registration) => !this.db.hasRegistration(registration)).length;
    const isNewToPeer = peer
      ? registrations.filter((registration) => !this.db.getProducer(registration, peer)).length
      : 0;
    return isNewToPeer <= peerRoom && isNewToPeer + isNew <= room;
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
      this.#log.info?.(`DB: removing channel(${registration.subkey}) from topic(${topic})`);
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
