import { copiesOf } from './copies.js';
import type { PeerInfo } from './peer-info.js';
import type { Registration } from './registration.js';
import type { RegistrationDB } from './registration-db.js';

const NONE: readonly PeerInfo[] = [];

/**
 * Peers without a connection that have come back: what one carried stays until its successor, the peer that has identified itself
 * at its address, registers it, so that no answer lacks it meanwhile. An nsqd registers all that it carries before its next ping.
 */
export class Succession {
  readonly #db: RegistrationDB;
  readonly #liveOrigins: ReadonlySet<string>;
  readonly #formers = new Map<PeerInfo, readonly PeerInfo[]>();

  /** Peers that came from a live origin have a connection there, and no successor. */
  constructor(db: RegistrationDB, liveOrigins: ReadonlySet<string>) {
    this.#db = db;
    this.#liveOrigins = liveOrigins;
  }

  /** A peer identifies itself: it follows those that were known at its address. */
  begin(peer: PeerInfo): void {
    const formers = copiesOf(this.#db, peer).filter((other) => this.#isGone(other));
    if (formers.length > 0) this.#formers.set(peer, [...new Set([...this.formersOf(peer), ...formers])]);
  }

  /** The peer has that now: it takes it over, with its tombstone. */
  takeOver(peer: PeerInfo, registration: Registration): void {
    for (const former of this.formersOf(peer)) {
      const tombstonedAtMs = this.#db.getProducer(registration, former)?.tombstonedAtMs;
      if (tombstonedAtMs !== undefined) this.#db.tombstone(registration, peer, tombstonedAtMs);
      this.#db.removeProducer(registration, former);
    }
  }

  /** Whom the peer has followed. */
  formersOf(peer: PeerInfo): readonly PeerInfo[] {
    return this.#formers.get(peer) ?? NONE;
  }

  /** It has registered what it carries, or gone: gives those whom it has followed, who are to leave. */
  end(peer: PeerInfo): readonly PeerInfo[] {
    const formers = this.formersOf(peer);
    this.#formers.delete(peer);
    return formers;
  }

  #isGone(peer: PeerInfo): boolean {
    return this.#db.isBrought(peer) && !this.#liveOrigins.has(this.#db.keyOf(peer)!.replace(/\/\d+$/, ''));
  }
}
