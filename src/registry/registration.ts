import type { PeerInfo } from './peer-info.js';

/** What a producer can be registered for. nsqlookupd has three categories: client, topic and channel. */
export interface Registration {
  readonly category: string;
  /** The topic, or `''` for a client. */
  readonly key: string;
  /** The channel, or `''` for a client or a topic. */
  readonly subkey: string;
}

/** Matches any key or subkey in a find. In a change it is a name like any other. */
export const ANY = '*';

/** The registration that every identified peer has. */
export const CLIENT: Registration = { category: 'client', key: '', subkey: '' };

export function topicRegistration(topic: string): Registration {
  return { category: 'topic', key: topic, subkey: '' };
}

export function channelRegistration(topic: string, channel: string): Registration {
  return { category: 'channel', key: topic, subkey: channel };
}

/** A peer in its part as a producer of one registration. */
export interface Producer {
  readonly peer: PeerInfo;
  /** When it was last tombstoned for this registration, in milliseconds since 1970; undefined if never. */
  readonly tombstonedAtMs: number | undefined;
}

/** How long a producer counts as there, and how long a tombstone hides it; both in milliseconds. */
export interface Lifetimes {
  readonly inactiveProducerTimeoutMs: number;
  readonly tombstoneLifetimeMs: number;
}

/** Whether a tombstone hides the producer at `nowMs`. */
export function isTombstoned(producer: Producer, nowMs: number, tombstoneLifetimeMs: number): boolean {
  return producer.tombstonedAtMs !== undefined && nowMs - producer.tombstonedAtMs < tombstoneLifetimeMs;
}

/** Whether the peer was heard of within the timeout, the moment at which it ends included. */
export function isHeardOf(peer: PeerInfo, nowMs: number, inactiveProducerTimeoutMs: number): boolean {
  return nowMs - peer.lastUpdateMs <= inactiveProducerTimeoutMs;
}

/** Whether a lookup names the producer at `nowMs`: heard of in time, and no tombstone hides it. */
export function isActive(producer: Producer, nowMs: number, lifetimes: Lifetimes): boolean {
  return (
    isHeardOf(producer.peer, nowMs, lifetimes.inactiveProducerTimeoutMs) &&
    !isTombstoned(producer, nowMs, lifetimes.tombstoneLifetimeMs)
  );
}

/** After when `isActive`, or what it is made of, answers otherwise though nothing happens; Infinity for never. */
export function changesAt({ peer, tombstonedAtMs }: Producer, nowMs: number, lifetimes: Lifetimes): number {
  const silentAt = peer.lastUpdateMs + lifetimes.inactiveProducerTimeoutMs;
  const shownAt = tombstonedAtMs === undefined ? Infinity : tombstonedAtMs + lifetimes.tombstoneLifetimeMs;
  return Math.min(silentAt >= nowMs ? silentAt : Infinity, shownAt > nowMs ? shownAt : Infinity);
}
