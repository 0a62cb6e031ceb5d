import type { PeerInfo } from './peer-info.js';
import type { Category } from './registration.js';

/** All that a `RegistrationDB` holds, as plain data for `JSON.stringify`. */
export interface Snapshot {
  /** Of this form; another one is refused. */
  readonly format: 1;
  /** Names the db that it was taken of: revisions of another one do not compare with its own. */
  readonly epoch: string;
  /** The db's when it was taken. */
  readonly revision: number;
  /** Those that are a producer of anything, by key. */
  readonly peers: Readonly<Record<string, PeerInfo>>;
  /** All of them, with their producers. */
  readonly registrations: readonly SnapshotRegistration[];
}

/** A registration in a `Snapshot`. */
export interface SnapshotRegistration {
  /** `client`, `topic` or `channel`. */
  readonly category: Category;
  /** The topic, or `''`. */
  readonly key: string;
  /** The channel, or `''`. */
  readonly subkey: string;
  /** Whether it was made without a producer, as an operator does. */
  readonly isMade: boolean;
  /** The keys of its producers, and when each was tombstoned, if it was. */
  readonly producers: readonly { readonly peer: string; readonly tombstonedAtMs?: number }[];
}

/** Throws a TypeError for what is no snapshot of this form. */
export function assertSnapshot(snapshot: Snapshot): void {
  const { format, revision, peers, registrations } = snapshot ?? {};
  if (format !== 1) throw new TypeError(`a snapshot must have the format 1, and has ${String(format)}`);
  if (!Number.isSafeInteger(revision) || revision < 0) throw new TypeError('a snapshot must have a revision');
  if (typeof peers !== 'object' || peers === null || !Array.isArray(registrations)) {
    throw new TypeError('a snapshot must have peers and registrations');
  }
  for (const [key, peer] of Object.entries(peers)) {
    const texts = [peer?.broadcastAddress, peer?.hostname, peer?.version, peer?.topologyZone, peer?.topologyRegion];
    if (!texts.every((text) => typeof text === 'string')) throw new TypeError(`a snapshot has no whole peer ${key}`);
  }
  for (const { category, key, subkey, producers } of snapshot.registrations) {
    const isKnown = ['client', 'topic', 'channel'].includes(category);
    if (!isKnown || typeof key !== 'string' || typeof subkey !== 'string' || !Array.isArray(producers)) {
      throw new TypeError('a snapshot has a registration that is none');
    }
    for (const { peer } of producers as SnapshotRegistration['producers']) {
      if (!Object.hasOwn(peers, peer)) throw new TypeError(`a snapshot has a producer without its peer ${peer}`);
    }
  }
}
