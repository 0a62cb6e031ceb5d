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
  must(format === 1, 'the format 1');
  must(Number.isSafeInteger(revision) && revision >= 0, 'a revision');
  must(typeof peers === 'object' && peers !== null && Array.isArray(registrations), 'peers and registrations');
  for (const peer of Object.values(peers)) {
    const texts = [peer?.broadcastAddress, peer?.hostname, peer?.version, peer?.topologyZone, peer?.topologyRegion];
    must(texts.every(isText), 'whole peers');
  }
  for (const { category, key, subkey, producers } of registrations) {
    const isKnown = ['client', 'topic', 'channel'].includes(category);
    must(isKnown && isText(key) && isText(subkey) && Array.isArray(producers), 'whole registrations');
    must(
      producers.every(({ peer }) => Object.hasOwn(peers, peer)),
      'the peers of its producers',
    );
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new TypeError(`a snapshot must have ${what}`);
}
