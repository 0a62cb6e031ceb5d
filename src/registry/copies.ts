import { toNodeAddress, type PeerInfo } from './peer-info.js';
import type { RegistrationDB } from './registration-db.js';

/** All peers at the address and ports of one: an nsqd that several lookupds hold is one producer. */
export function copiesOf(db: RegistrationDB, peer: PeerInfo): readonly PeerInfo[] {
  return db.peersAt(toNodeAddress(peer)).filter(({ tcpPort }) => tcpPort === peer.tcpPort);
}

/** Names the nsqd that a peer is, whichever lookupd holds it. */
export function toNsqdKey(peer: PeerInfo): string {
  return `${toNodeAddress(peer)} ${peer.tcpPort}`;
}

/** One peer of each nsqd, the same one wherever the same are known. */
export function toOnes(peers: readonly PeerInfo[]): PeerInfo[] {
  const ones = new Map<string, PeerInfo>();
  for (const peer of peers) {
    const key = toNsqdKey(peer);
    const known = ones.get(key);
    // Out of its place first, as the order is not to change with one that is left out.
    if (!known || (known.remoteAddress > peer.remoteAddress && ones.delete(key))) ones.set(key, peer);
  }
  return [...ones.values()];
}
