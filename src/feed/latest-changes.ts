import type { Change, PeerInfo } from '../registry/index.js';
import { peerBytes } from './kept-peers.js';
import { textBytes } from './text-bytes.js';

/** The most that are kept. */
const MOST = 1000;
/** What one weighs beside its texts and its peer, about, with what it keeps of the registry. */
const CHANGE_BYTES = 512;

/**
 * The latest changes of a registry as they were told, for who may ask for them later: to keep each as plain data before anybody has costs as
 * much as to register.
 */
export class LatestChanges {
  readonly #capacity: number;
  readonly #maxBytes: number;
  /** The next one stands behind the last, and behind the end is the beginning. */
  #changes: (Change | undefined)[] = [];
  /** What each weighs. */
  readonly #weights: number[] = [];
  #first = 0;
  #size = 0;
  #bytes = 0;
  /** The one that was weighed last, as most changes are of the same one as the change before. */
  #peer: PeerInfo | undefined;
  #peerBytes = 0;
  /** The revision after which all changes are here. */
  #since = 0;

  constructor(capacity: number, maxBytes: number) {
    this.#capacity = Math.min(MOST, capacity);
    this.#maxBytes = maxBytes;
  }

  /** All changes after that revision are pushed from now on. */
  begin(revision: number): void {
    this.#since = revision;
  }

  get since(): number {
    return this.#since;
  }

  get size(): number {
    return this.#size;
  }

  /** At the most: a peer counts with each change of it. */
  get bytes(): number {
    return this.#bytes;
  }

  push(change: Change): void {
    const bytes = this.#weigh(change);
    while (this.#size > 0 && (this.#size >= this.#capacity || this.#bytes + bytes > this.#maxBytes)) this.#drop();
    if (this.#capacity === 0 || bytes > this.#maxBytes) return this.begin(change.revision);
    const at = this.#indexOf(this.#size++);
    this.#changes[at] = change;
    this.#weights[at] = bytes;
    this.#bytes += bytes;
  }

  /** All that are kept, in order, which are kept no longer. */
  takeAll(): Change[] {
    const taken = Array.from({ length: this.#size }, (_, i) => this.#changes[this.#indexOf(i)]!);
    this.#changes = [];
    this.#size = this.#bytes = 0;
    return taken;
  }

  #indexOf(nth: number): number {
    return (this.#first + nth) % this.#capacity;
  }

  #drop(): void {
    this.#since = this.#changes[this.#first]!.revision;
    this.#bytes -= this.#weights[this.#first]!;
    this.#changes[this.#first] = undefined;
    this.#first = this.#indexOf(1);
    this.#size--;
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
