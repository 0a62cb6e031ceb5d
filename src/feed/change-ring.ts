import type { Change } from '../registry/index.js';
import { KeptChange } from './kept-change.js';
import { KeptPeers } from './kept-peers.js';
import { Ring } from './ring.js';

/** The latest changes of a registry, as plain data. */
export class ChangeRing extends Ring<KeptChange> {
  readonly #peers = new KeptPeers();

  override get bytes(): number {
    return super.bytes + this.#peers.bytes;
  }

  push(change: Change): void {
    const kept = new KeptChange(change, this.#peers);
    this.keep(kept, kept.bytes);
  }

  /** Up to so many of those after a revision, in order. */
  after(revision: number, most: number): Change[] {
    return this.itemsAfter(revision, most).map((kept) => kept.toChange());
  }

  protected override dropped({ peer }: KeptChange): void {
    if (peer) this.#peers.release(peer);
  }
}
