import type { Change, PeerInfo } from '../registry/index.js';
import { peerBytes } from './kept-peers.js';
import { Ring } from './ring.js';
import { textBytes } from './text-bytes.js';

/** The most that are kept. */
const MOST = 1000;
/** What one weighs beside its texts and its peer, about, with what it keeps of the registry. */
const CHANGE_BYTES = 512;

/**
 * The latest changes of a registry as they were told, for who may ask for them later: to keep each as plain data before anybody has costs as
 * much as to register. A peer weighs with each change of it.
 */
export class LatestChanges extends Ring<Change> {
  /** The one that was weighed last, as most changes are of the same one as the change before. */
  #peer: PeerInfo | undefined;
  #peerBytes = 0;

  constructor(capacity: number, maxBytes: number) {
    super(Math.min(MOST, capacity), maxBytes);
  }

  push(change: Change): void {
    this.keep(change, this.#weigh(change));
  }

  /** All that are kept, in order. */
  all(): Change[] {
    return this.itemsAfter(this.since, this.size);
  }

  #weigh(change: Change): number {
    let bytes = CHANGE_BYTES;
    if ('registration' in change) bytes += textBytes(change.registration.key) + textBytes(change.registration.subkey);
    if (!('peer' in change)) return bytes;
    if (change.peer !== this.#peer) {
      this.#peer = change.peer;
      this.#peerBytes = peerBytes(change.peer);
    }
    return bytes + this.#peerBytes;
  }
}
