import type { PeerInfo } from './peer-info.js';
import type { Change } from './change.js';
import type { Category, Registration } from './registration.js';

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
  must(isRevision(revision), 'a revision');
  must(typeof peers === 'object' && peers !== null && Array.isArray(registrations), 'peers and registrations');
  must(Object.values(peers).every(isPeer), 'whole peers');
  for (const registration of registrations) {
    const producers: unknown = registration?.producers;
    const isWhole = isRegistration(registration) && Array.isArray(producers) && producers.every(isProducer);
    must(isWhole, 'whole registrations');
    must(
      registration.producers.every(({ peer }) => Object.hasOwn(peers, peer)),
      'the peers of its producers',
    );
  }
}

function must(isSo: boolean, what: string): void {
  if (!isSo) throw new TypeError(`a snapshot must have ${what}`);
}

/** Throws a TypeError for what is no change: it would leave what no later one mends. */
export function assertChange(change: Change): void {
  const { revision, type, registration, peer, peerKey, tombstonedAtMs } = Object(change) as Partial<
    Record<string, unknown>
  >;
  const isAboutPeer = type === 'peerLeft' || type === 'peerTouched';
  const isWhole =
    isRevision(revision) &&
    (isAboutPeer || isRegistration(registration)) &&
    (String(type).startsWith('registration') || typeof peerKey === 'string') &&
    (type !== 'producerAdded' || isPeer(peer)) &&
    (type !== 'peerTouched' || Number.isFinite((peer as Partial<PeerInfo> | undefined)?.lastUpdateMs)) &&
    (type !== 'producerTombstoned' || Number.isFinite(tombstonedAtMs));
  if (!isWhole) throw new TypeError(`not a whole change: ${String(type)}`);
}

/** One that can be counted up for as long as anybody lives. */
function isRevision(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 2 ** 52;
}

function isRegistration(value: unknown): boolean {
  const { category, key, subkey } = (value ?? {}) as Partial<Registration>;
  return ['client', 'topic', 'channel'].includes(category!) && typeof key === 'string' && typeof subkey === 'string';
}

const TEXTS = ['broadcastAddress', 'hostname', 'version', 'topologyZone', 'topologyRegion'] as const;
const NUMBERS = ['tcpPort', 'httpPort', 'lastUpdateMs'] as const;

function isPeer(value: unknown): boolean {
  const peer = (value ?? {}) as Partial<PeerInfo>;
  return TEXTS.every((name) => typeof peer[name] === 'string') && NUMBERS.every((name) => Number.isFinite(peer[name]));
}

function isProducer(value: unknown): value is SnapshotRegistration['producers'][number] {
  const { peer, tombstonedAtMs } = (value ?? {}) as { peer?: unknown; tombstonedAtMs?: unknown };
  return typeof peer === 'string' && (tombstonedAtMs === undefined || Number.isFinite(tombstonedAtMs));
}
