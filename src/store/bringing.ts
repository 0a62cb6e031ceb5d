import { CLIENT, type PeerChangeBase, type PeerInfo, type Registration, type Topology } from '../registry/index.js';

/**
 * A peer that another lookupd holds, by the key that names it everywhere; as with `join`, one at its address that no lookupd holds any
 * more is followed by it. Undefined, with nothing changed, past a limit.
 */
export function bringPeer(topology: Topology, peerKey: string, peer: PeerInfo): PeerInfo | undefined {
  const { capacity, db } = topology;
  const producer = { peer, tombstonedAtMs: undefined };
  const bring = () => db.apply({ type: 'producerAdded', registration: CLIENT, peer, peerKey, producer, revision: 0 });
  if (!capacity.grow([CLIENT], 1, bring)) return undefined;
  const brought = db.broughtBy(peerKey)!;
  topology.join(brought);
  return brought;
}

/**
 * Makes a registration that was there before a restart or is there elsewhere, and, if a peer is named, one without a connection a
 * producer of it. False, with nothing changed, past a limit of the whole registry.
 */
export function bringRegistration(
  { capacity, db }: Topology,
  registration: Registration,
  isMade: boolean,
  named?: PeerChangeBase,
): boolean {
  return capacity.grow([registration], named ? 1 : 0, () => {
    if (isMade || !named) db.apply({ type: 'registrationAdded', registration, isMade, revision: 0 });
    if (!named) return;
    const known = db.broughtBy(named.peerKey);
    if (known) return void db.addProducer(registration, known);
    const producer = { peer: named.peer, tombstonedAtMs: undefined };
    db.apply({ type: 'producerAdded', registration, producer, ...named, revision: 0 });
  });
}
