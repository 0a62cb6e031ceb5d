import { finish } from '../base/work-queue.js';
import { isHeardOf, type PeerInfo, type Registration, type Topology } from '../registry/index.js';
import { bringPeer } from './bringing.js';
import { readClaim, readField, readPeer, toField, type SharedClaim } from './shared-fields.js';
import type { OwnWrite } from './shared-registry.js';

interface OtherPeer {
  readonly peer: PeerInfo;
  isSilent: boolean;
  isSettled: boolean;
}

/** What is done when another lookupd says what one of its peers carries: whether that counts. */
export type ClaimJudge = (registration: Registration, claim: SharedClaim) => boolean;

/** What another lookupd says of its peers, and the peers that are in the registry for it. */
export class OtherLookupd {
  readonly origin: string;
  number = -1;
  heardAtMs: number;
  isGone = false;
  /** What was no field or text of one. */
  unreadable = 0;
  /** What was past a limit of this lookupd. */
  refused = 0;
  readonly #topology: Topology;
  readonly #judge: ClaimJudge;
  readonly #texts = new Map<string, string>();
  readonly #peers = new Map<number, OtherPeer>();
  /** Claims of peers that have not been told of yet. */
  readonly #waiting = new Map<number, Set<string>>();
  /** While all is told anew: the fields that have been. */
  #fresh: Set<string> | undefined;

  constructor(origin: string, topology: Topology, judge: ClaimJudge) {
    this.origin = origin;
    this.#topology = topology;
    this.#judge = judge;
    this.heardAtMs = topology.clock();
    topology.liveOrigins.add(origin);
  }

  get size(): number {
    return this.#peers.size;
  }

  get peers(): readonly PeerInfo[] {
    return [...this.#peers.values()].map(({ peer }) => peer);
  }

  claimAt(number: number, registration: Registration): number {
    const text = this.#texts.get(toField(number, registration));
    return (text !== undefined && readClaim(text)?.at) || 0;
  }

  isSettled(peer: PeerInfo): boolean {
    for (const other of this.#peers.values()) if (other.peer === peer) return other.isSettled;
    return false;
  }

  /** All is told from now on, until `endAnew`: what is not goes then. */
  beginAnew(): void {
    this.#fresh = new Set();
  }

  endAnew(): void {
    const fresh = this.#fresh;
    this.#fresh = undefined;
    if (fresh) for (const field of this.#texts.keys()) if (!fresh.has(field)) this.write([field, null], 0);
  }

  /** Takes in what it says; `byMs` is what is added to times of its clock. */
  write([field, text]: OwnWrite, byMs: number): void {
    const about = readField(field);
    if (!about) {
      this.unreadable++;
      return;
    }
    const { number, registration } = about;
    if (text === null) this.#texts.delete(field);
    else {
      this.#texts.set(field, text);
      this.#fresh?.add(field);
    }
    if (!registration) return text === null ? this.#leave(number) : this.#tellPeer(number, text, byMs);
    const peer = this.#peers.get(number)?.peer;
    if (text === null) {
      this.#waiting.get(number)?.delete(field);
      if (peer) this.#release(peer, registration);
    } else if (peer) this.#claim(peer, registration, text, byMs);
    else {
      const waiting = this.#waiting.get(number) ?? new Set();
      this.#waiting.set(number, waiting.add(field));
    }
  }

  /** Those who are not said to be silent are heard of. */
  renew(now: number): void {
    for (const { peer, isSilent } of this.#peers.values()) if (!isSilent) this.#heard(peer, now);
  }

  /** All that it brought goes. */
  drop(): void {
    for (const number of [...this.#peers.keys()]) this.#leave(number);
    this.#texts.clear();
    this.#topology.liveOrigins.delete(this.origin);
  }

  #tellPeer(number: number, text: string, byMs: number): void {
    const shared = readPeer(text);
    if (!shared) {
      this.unreadable++;
      return;
    }
    const { isSilent, isSettled } = shared;
    const now = this.#topology.clock();
    const lastUpdateMs = isSilent ? Math.min(now, shared.peer.lastUpdateMs + byMs) : now;
    const key = `${this.origin}/${number}`;
    const peer = bringPeer(this.#topology, key, { ...shared.peer, lastUpdateMs });
    if (!peer) {
      this.refused++;
      return;
    }
    this.#heard(peer, lastUpdateMs);
    this.#peers.set(number, { peer, isSilent, isSettled });
    for (const field of this.#waiting.get(number) ?? []) {
      this.#claim(peer, readField(field)!.registration!, this.#texts.get(field)!, byMs);
    }
    this.#waiting.delete(number);
    if (!isSettled) return;
    this.#topology.ping(peer); // whom it has followed go
    this.#heard(peer, lastUpdateMs);
  }

  #claim(peer: PeerInfo, registration: Registration, text: string, byMs: number): void {
    const { db, clock } = this.#topology;
    const claim = readClaim(text);
    if (!claim) {
      this.unreadable++;
      return;
    }
    if (!this.#judge(registration, claim)) return this.#release(peer, registration);
    if (!this.#topology.hold(peer, registration)) {
      this.refused++;
      return;
    }
    if (claim.tombstonedAtMs === undefined) return;
    const at = Math.min(clock(), claim.tombstonedAtMs + byMs);
    if (Math.abs(at - (db.getProducer(registration, peer)?.tombstonedAtMs ?? -Infinity)) > 1000)
      db.tombstone(registration, peer, at);
  }

  #release(peer: PeerInfo, registration: Registration): void {
    finish(this.#topology.releasing(peer, registration));
  }

  #leave(number: number): void {
    const known = this.#peers.get(number);
    this.#peers.delete(number);
    this.#waiting.delete(number);
    if (known) this.#topology.leave(known.peer);
  }

  #heard(peer: PeerInfo, atMs: number): void {
    const { clock, db, lifetimes } = this.#topology;
    const isHeard = () => isHeardOf(peer, clock(), lifetimes.inactiveProducerTimeoutMs);
    const wasHeard = isHeard();
    peer.lastUpdateMs = atMs;
    if (wasHeard !== isHeard()) db.touchPeer(peer);
  }
}
