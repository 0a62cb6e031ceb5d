import type { Change } from './change.js';
import type { DbState } from './db-state.js';
import type { RegistrationDB } from './registration-db.js';
import { assertChange, assertSnapshot, type Snapshot } from './snapshot.js';

export function takeSnapshot(db: RegistrationDB, { index }: DbState): Snapshot {
  const peers = Object.fromEntries(db.peers().map((peer) => [db.keyOf(peer)!, { ...peer }]));
  const registrations = [...index].map((entry) => {
    const { category, key, subkey, isMade } = entry;
    const producers = [...db.producersOf(entry)].map(({ peer, tombstonedAtMs }) => ({
      peer: db.keyOf(peer)!,
      ...(tombstonedAtMs !== undefined && { tombstonedAtMs }),
    }));
    return { category, key, subkey, isMade, producers };
  });
  return { format: 1, epoch: db.epoch, revision: db.revision, peers, registrations };
}

export function restoreSnapshot(db: RegistrationDB, state: DbState, snapshot: Snapshot): void {
  assertSnapshot(snapshot);
  if (db.size > 0) throw new TypeError('a snapshot is restored into an empty db');
  for (const { isMade, producers, ...registration } of snapshot.registrations) {
    state.add(registration, isMade);
    state.changes.tell();
    for (const { peer: key, tombstonedAtMs } of producers) {
      const peer = state.peers.bring(key, snapshot.peers[key]!);
      db.addProducer(registration, peer);
      if (tombstonedAtMs !== undefined) db.tombstone(registration, peer, tombstonedAtMs);
    }
  }
  state.revision = Math.max(state.revision, snapshot.revision);
}

export function applyChange(db: RegistrationDB, state: DbState, change: Change): void {
  assertChange(change);
  const peer = 'peerKey' in change ? state.peers.broughtBy(change.peerKey) : undefined;
  if (change.type === 'registrationAdded') state.add(change.registration, change.isMade);
  else if (change.type === 'registrationRemoved') db.removeRegistration(change.registration);
  else if (change.type === 'producerAdded') {
    db.addProducer(change.registration, peer ?? state.peers.bring(change.peerKey, change.peer));
  } else if (!peer) {
    // It has left, or was never told of.
  } else if (change.type === 'peerLeft') db.hidePeer(peer);
  else if (change.type === 'producerTombstoned') db.tombstone(change.registration, peer, change.tombstonedAtMs);
  else if (change.type === 'peerTouched') {
    peer.lastUpdateMs = change.peer.lastUpdateMs;
    db.touchPeer(peer);
  } else if ('registration' in change) {
    const record = state.get(change.registration)?.producer(peer); // also of one that has left
    if (record) state.unlink(record);
  }
  state.changes.tell();
  state.revision = Math.max(state.revision, change.revision);
}
