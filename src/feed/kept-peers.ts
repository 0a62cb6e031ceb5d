import { toPeerInfo } from '../base/identity.js';
import type { PeerInfo } from '../registry/index.js';
import { textBytes } from './text-bytes.js';

/** What a peer weighs beside its texts: the copy, what counts it, and its place in the map; measured. */
const PEER_BYTES = 330;

/** A copy of a peer, which all changes that name it share. */
export interface KeptPeer {
  readonly key: string;
  peer: PeerInfo;
  bytes: number;
  /** How many changes name it. */
  count: number;
}

/** The peers that kept changes name: copies, so that nothing of the registry itself is kept with them. */
export class KeptPeers {
  readonly #peers = new Map<string, KeptPeer>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The copy for one more change; made anew if what is known of the peer has changed. */
  retain(key: string, peer: PeerInfo, hasChanged: boolean): KeptPeer {
    const known = this.#peers.get(key);
    const kept = known ?? { key, peer, bytes: 0, count: 0 };
    if (!known) this.#peers.set(key, kept);
    if (!known || hasChanged) this.#update(kept, peer);
    kept.count++;
    return kept;
  }

  release(kept: KeptPeer): void {
    if (--kept.count > 0) return;
    this.#peers.delete(kept.key);
    this.#bytes -= kept.bytes;
  }

  #update(kept: KeptPeer, peer: PeerInfo): void {
    this.#bytes -= kept.bytes;
    kept.peer = toPeerInfo(peer, peer); // without what a host may have added
    kept.bytes = textBytes(kept.key) + peerBytes(kept.peer);
    this.#bytes += kept.bytes;
  }
}

/** What a peer takes in memory, about. */
export function peerBytes(peer: PeerInfo): number {
  let bytes = PEER_BYTES;
  for (const name in peer) {
    const value = peer[name as keyof PeerInfo];
    if (typeof value === 'string') bytes += textBytes(value);
  }
  return bytes;
}
