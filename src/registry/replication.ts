import type { Change, ChangeType } from './change.js';
import type { DbState } from './db-state.js';
import { isPeer, type PeerInfo } from './peer-info.js';
import type { RegistrationDB } from './registration-db.js';
import type { Snapshot } from './snapshot.js';

type Unknown = Readonly<Record<string, unknown>>;

const isNumber = Number.isFinite;
const isText = (value: unknown) => typeof value === 'string';
/** One that can be counted up for as long as anybody lives. */
const isRevision = (value: unknown) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 2 ** 52;

function isRegistration(value: unknown): boolean {
  const { category, key, subkey } = Object(value) as Unknown;
  return isText(key) && isText(subkey) && (category === 'topic' || category === 'channel' || category === 'client');
}

const hasRegistration = ({ registration }: Unknown) => isRegistration(registration);
const hasBoth = ({ registration, peerKey }: Unknown) => isRegistration(registration) && isText(peerKey);

type Of<T> = Change & { readonly type: T };
type Kind<T> = readonly [
  isWhole: (change: Unknown) => boolean,
  make: (db: RegistrationDB, state: DbState, change: Of<T>, peer: PeerInfo | undefined) => unknown,
];

/** What a change must have beside its revision, and how it is made. The peer is the one that was brought, if it is there. */
const KINDS: { readonly [T in ChangeType]: Kind<T> } = {
  registrationAdded: [hasRegistration, (_, state, { registration, isMade }) => state.add(registration, isMade)],
  registrationRemoved: [hasRegistration, (db, _, { registration }) => db.removeRegistration(registration)],
  producerAdded: [
    (change) => hasBoth(change) && isPeer(change['peer']),
    (db, { peers }, { registration, peerKey, peer }) => db.addProducer(registration, peers.bring(peerKey, peer)),
  ],
  producerRemoved: [
    hasBoth,
    (_, state, { registration }, peer) => {
      const record = peer && state.get(registration)?.producer(peer); // also of one that has left
      if (record) state.unlink(record);
    },
  ],
  producerTombstoned: [
    (change) => hasBoth(change) && isNumber(change['tombstonedAtMs']),
    (db, _, { registration, tombstonedAtMs }, peer) => peer && db.tombstone(registration, peer, tombstonedAtMs),
  ],
  peerLeft: [({ peerKey }) => isText(peerKey), (db, _, _change, peer) => peer && db.hidePeer(peer)],
  peerTouched: [
    ({ peerKey, peer }) => isText(peerKey) && isNumber((Object(peer) as Unknown)['lastUpdateMs']),
    (db, _, change, peer) => {
      if (!peer) return;
      peer.lastUpdateMs = change.peer.lastUpdateMs;
      db.touchPeer(peer);
    },
  ],
};

/** Throws a TypeError for what is no change: it would leave what no later one mends. */
export function applyChange(db: RegistrationDB, state: DbState, change: Change): void {
  const given = Object(change) as Unknown;
  const type = String(given['type']) as ChangeType;
  const [isWhole, make] = (Object.hasOwn(KINDS, type) ? KINDS[type] : []) as Partial<Kind<ChangeType>>;
  if (!make || !isWhole!(given) || !isRevision(change.revision)) throw new TypeError(`not a whole change: ${type}`);
  make(db, state, change, state.peers.broughtBy(given['peerKey'] as string));
  state.changes.tell();
  state.revision = Math.max(state.revision, change.revision);
}

export function takeSnapshot(db: RegistrationDB): Snapshot {
  const peers = Object.fromEntries(db.peers().map((peer) => [db.keyOf(peer)!, { ...peer }]));
  const registrations = Array.from(db.entries(), ([{ category, key, subkey, isMade }, producers]) => ({
    category,
    key,
    subkey,
    isMade,
    producers: Array.from(producers, ({ peer, tombstonedAtMs }) => ({
      peer: db.keyOf(peer)!,
      ...(tombstonedAtMs !== undefined && { tombstonedAtMs }),
    })),
  }));
  return { format: 1, epoch: db.epoch, revision: db.revision, peers, registrations };
}

/** Throws a TypeError for what is no snapshot, with nothing changed. */
export function restoreSnapshot(db: RegistrationDB, state: DbState, snapshot: Snapshot): void {
  const { format, revision, peers, registrations } = Object(snapshot) as Snapshot;
  const must = (isSo: unknown, what: string) => {
    if (!isSo) throw new TypeError(`a snapshot must have ${what}`);
  };
  must(format === 1 && isRevision(revision), 'the format 1 and a revision');
  must(peers && Array.isArray(registrations), 'peers and registrations');
  must(Object.values(peers).every(isPeer), 'whole peers');
  const isProducer = (producer: unknown) => {
    const { peer, tombstonedAtMs = 0 } = Object(producer) as Unknown;
    return isText(peer) && Object.hasOwn(peers, peer) && isNumber(tombstonedAtMs);
  };
  for (const registration of registrations) {
    must(isRegistration(registration), 'whole registrations');
    const { producers } = registration;
    must(Array.isArray(producers) && producers.every(isProducer), 'the peers of its producers');
  }
  if (db.size > 0) throw new TypeError('a snapshot is restored into an empty db');
  for (const { isMade, producers, ...registration } of registrations) {
    state.add(registration, isMade);
    state.changes.tell();
    for (const { peer: key, tombstonedAtMs } of producers) {
      const peer = state.peers.bring(key, peers[key]!);
      db.addProducer(registration, peer);
      if (tombstonedAtMs !== undefined) db.tombstone(registration, peer, tombstonedAtMs);
    }
  }
  state.revision = Math.max(state.revision, revision);
}
