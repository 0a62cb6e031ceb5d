import type { PeerInfo } from './peer-info.js';

/** nsqlookupd's three: that a peer has identified itself, a topic, a channel of a topic. */
export type Category = 'client' | 'topic' | 'channel';

/** What a producer can be registered for. */
export interface Registration {
  /** `client`, `topic` or `channel`. */
  readonly category: Category;
  /** The topic, or `''` for a client. */
  readonly key: string;
  /** The channel, or `''` for a client or a topic. */
  readonly subkey: string;
}

/** Matches any key or subkey in a find. In a change it is a name like any other. */
export const ANY = '*';

/** The registration that every identified peer has. */
export const CLIENT: Registration = { category: 'client', key: '', subkey: '' };

/**
 * The registration of a topic.
 *
 * @example
 * ```js
 * import { topicRegistration } from 'nsqlookupd';
 *
 * console.log(topicRegistration('orders')); // { category: 'topic', key: 'orders', subkey: '' }
 * ```
 */
export function topicRegistration(topic: string): Registration {
  return { category: 'topic', key: topic, subkey: '' };
}

/**
 * The registration of a channel of a topic. It does not bring the topic's own, which a lookup asks for.
 *
 * @example
 * ```js
 * import { channelRegistration } from 'nsqlookupd';
 *
 * console.log(channelRegistration('orders', 'billing').subkey); // billing
 * ```
 */
export function channelRegistration(topic: string, channel: string): Registration {
  return { category: 'channel', key: topic, subkey: channel };
}

/** A peer in its part as a producer of one registration. */
export interface Producer {
  /** Who produces. */
  readonly peer: PeerInfo;
  /** When it was last tombstoned for this registration, in milliseconds since 1970; undefined if never. */
  readonly tombstonedAtMs: number | undefined;
}

/** How long a producer counts as there, and how long a tombstone hides it; both in milliseconds. */
export interface Lifetimes {
  /** How long after it was last heard of a peer counts as there. */
  readonly inactiveProducerTimeoutMs: number;
  /** How long a tombstone hides a producer. */
  readonly tombstoneLifetimeMs: number;
}

/**
 * Whether a tombstone hides the producer at `nowMs`, the moment at which it ends not included. Times are milliseconds
 * since 1970, the lifetime is milliseconds.
 *
 * @example
 * ```js
 * import { isTombstoned, RegistrationDB } from 'nsqlookupd';
 *
 * const db = new RegistrationDB();
 * const producers = db.findProducers('topic', 'orders', '');
 * console.log(producers.filter((producer) => isTombstoned(producer, Date.now(), 45_000)).length); // 0
 * ```
 */
export function isTombstoned(producer: Producer, nowMs: number, tombstoneLifetimeMs: number): boolean {
  return producer.tombstonedAtMs !== undefined && nowMs - producer.tombstonedAtMs < tombstoneLifetimeMs;
}

/**
 * Whether the peer was heard of within the timeout, the moment at which it ends included. Times are milliseconds since
 * 1970, the timeout is milliseconds.
 *
 * @example
 * ```js
 * import { CLIENT, isHeardOf, RegistrationDB } from 'nsqlookupd';
 *
 * const db = new RegistrationDB();
 * const clients = [...db.producersOf(CLIENT)];
 * console.log(clients.filter(({ peer }) => !isHeardOf(peer, Date.now(), 60_000)).length); // 0
 * ```
 */
export function isHeardOf(peer: PeerInfo, nowMs: number, inactiveProducerTimeoutMs: number): boolean {
  return nowMs - peer.lastUpdateMs <= inactiveProducerTimeoutMs;
}

/**
 * Whether a lookup names the producer at `nowMs` (milliseconds since 1970): heard of in time, and no tombstone hides it.
 *
 * @example
 * ```js
 * import { isActive, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * for (const producer of topology.db.findProducers('topic', 'orders', '')) {
 *   console.log(producer.peer.id, isActive(producer, topology.clock(), topology.lifetimes));
 * }
 * ```
 */
export function isActive(producer: Producer, nowMs: number, lifetimes: Lifetimes): boolean {
  return (
    isHeardOf(producer.peer, nowMs, lifetimes.inactiveProducerTimeoutMs) &&
    !isTombstoned(producer, nowMs, lifetimes.tombstoneLifetimeMs)
  );
}

/** After when `isActive`, or what it is made of, answers otherwise though nothing happens; Infinity for never. */
export function changesAt(
  { peer, tombstonedAtMs }: Pick<Producer, 'peer'> & Partial<Producer>,
  nowMs: number,
  lifetimes: Lifetimes,
): number {
  const silentAt = peer.lastUpdateMs + lifetimes.inactiveProducerTimeoutMs;
  const shownAt = tombstonedAtMs === undefined ? Infinity : tombstonedAtMs + lifetimes.tombstoneLifetimeMs;
  return Math.min(silentAt >= nowMs ? silentAt : Infinity, shownAt > nowMs ? shownAt : Infinity);
}
