import { toNodeAddress, type PeerInfo } from './peer-info.js';
import { CLIENT, type Registration } from './registration.js';
import type { RegistrationDB } from './registration-db.js';

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

  /** A peer has identified itself: the list of nodes has it in place of those that were known at its address. */
  begin(peer: PeerInfo): void {
    if (this.#db.broughtCount === 0) return;
    const formers = this.#db
      .peersAt(toNodeAddress(peer))
      .filter((other) => other !== peer && other.tcpPort === peer.tcpPort && this.#isGone(other));
    if (formers.length === 0) return;
    this.#formers.set(peer, [...new Set([...this.formersOf(peer), ...formers])]);
    for (const former of formers) this.#db.removeProducer(CLIENT, former);
  }

  /** The peer has registered that: it takes it over, with its tombstone. */
  takeOver(peer: PeerInfo, registration: Registration): void {
    for (const former of this.#formers.get(peer) ?? []) {
      const tombstonedAtMs = this.#db.getProducer(registration, former)?.tombstonedAtMs;
      if (tombstonedAtMs !== undefined) this.#db.tombstone(registration, peer, tombstonedAtMs);
      this.#db.removeProducer(registration, former);
    }
  }

  /** Whom the peer has followed. */
  formersOf(peer: PeerInfo): readonly PeerInfo[] {
    return this.#formers.get(peer) ?? [];
  }

  /** It has registered what it carries, or gone: gives those whom it has followed, who are to leave. */
  end(peer: PeerInfo): readonly PeerInfo[] {
    const formers = this.#formers.get(peer) ?? [];
    this.#formers.delete(peer);
    return formers;
  }

  #isGone(peer: PeerInfo): boolean {
    return this.#db.isBrought(peer) && !this.#liveOrigins.has(this.#db.keyOf(peer)!.replace(/\/\d+$/, ''));
  }
}
