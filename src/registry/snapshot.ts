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
