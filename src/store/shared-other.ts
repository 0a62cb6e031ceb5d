import { finish, type Steps } from '../base/work-queue.js';
import { isHeardOf, type PeerInfo, type Registration, type Topology } from '../registry/index.js';
import { bringPeer } from './bringing.js';
import { readClaim, readField, readPeer, toField, type SharedClaim } from './shared-fields.js';
import type { OwnWrite } from './shared-registry.js';

interface OtherPeer {
  readonly peer: PeerInfo;
  readonly isSilent: boolean;
}

/** Of a field's text: far above what a peer or a claim may be. */
const MAX_TEXT_LENGTH = 64 * 1024;
/** What it costs to let a peer go, in steps of work. */
const STEPS = 4;

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
  /** When it was asked whether it is there, and has not been heard of since. */
  askedAtMs: number | undefined;
  readonly #topology: Topology;
  readonly #judge: ClaimJudge;
  #texts = new Map<string, string>();
  /** While all is told anew: what was told before, and has not been since. */
  #stale = new Map<string, string>();
  readonly #peers = new Map<number, OtherPeer>();
  readonly #settled = new Set<PeerInfo>();
  /** Claims of peers that have not been told of yet. */
  readonly #waiting = new Map<number, Set<string>>();

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

  /** One at a time: others may come and go before the next one. */
  *peers(): Generator<PeerInfo, void, undefined> {
    for (const { peer } of this.#peers.values()) yield peer;
  }

  claimAt(number: number, registration: Registration): number {
    return readClaim(this.#textOf(toField(number, registration)))?.at ?? 0;
  }

  isSettled(peer: PeerInfo): boolean {
    return this.#settled.has(peer);
  }

  /** All is told from now on, until `endAnew`; in steps, as it may have been told in part. */
  *beginAnew(): Steps {
    if (this.#stale.size === 0) {
      this.#stale = this.#texts;
      this.#texts = new Map();
    }
    for (const [field, text] of this.#texts) {
      this.#stale.set(field, text);
      this.#texts.delete(field);
      yield;
    }
  }

  /** What has not been told goes: gives what is to be written for that. */
  *endAnew(): Generator<OwnWrite, void, undefined> {
    for (const field of this.#stale.keys()) yield [field, null];
  }

  /** Takes in what it says; `byMs` is what is added to times of its clock. */
  write([field, text]: OwnWrite, byMs: number): void {
    const about = text !== null && text.length > MAX_TEXT_LENGTH ? undefined : readField(field);
    if (!about) {
      this.unreadable++;
      return;
    }
    const { number, registration } = about;
    this.#stale.delete(field);
    if (text === null) this.#texts.delete(field);
    else this.#texts.set(field, text);
    if (!registration) return text === null ? this.#leave(number) : this.#tellPeer(number, text, byMs);
    const peer = this.#peers.get(number)?.peer;
    if (text === null) {
      this.#waiting.get(number)?.delete(field);
      if (peer) this.#release(peer, registration);
    } else if (peer) this.#claim(peer, registration, field, byMs);
    else {
      const waiting = this.#waiting.get(number) ?? new Set();
      this.#waiting.set(number, waiting.add(field));
    }
  }

  /** Those who are not said to be silent are heard of. */
  *renew(now: number): Steps {
    for (const { peer, isSilent } of this.#peers.values()) {
      if (!isSilent) this.#heard(peer, now);
      yield;
    }
  }

  /** All that it brought goes, unless it is heard of meanwhile. */
  *drop(): Steps {
    for (const number of this.#peers.keys()) {
      if (!this.isGone) return;
      this.#leave(number);
      yield STEPS;
    }
    this.#texts.clear();
    this.#stale.clear();
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
    this.#peers.set(number, { peer, isSilent });
    if (isSettled) this.#settled.add(peer);
    for (const field of this.#waiting.get(number) ?? []) {
      this.#claim(peer, readField(field)!.registration!, field, byMs);
    }
    this.#waiting.delete(number);
    if (!isSettled) return;
    this.#topology.ping(peer); // whom it has followed go
    this.#heard(peer, lastUpdateMs);
  }

  #claim(peer: PeerInfo, registration: Registration, field: string, byMs: number): void {
    const { db, clock } = this.#topology;
    const claim = readClaim(this.#textOf(field));
    if (!claim) {
      this.unreadable++;
      this.#texts.delete(field);
      return;
    }
    if (!this.#judge(registration, claim)) return this.#release(peer, registration);
    if (!this.#topology.hold(peer, registration)) {
      this.refused++;
      this.#texts.delete(field);
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

  #textOf(field: string): string {
    return this.#texts.get(field) ?? this.#stale.get(field) ?? '';
  }

  #leave(number: number): void {
    const known = this.#peers.get(number);
    this.#peers.delete(number);
    this.#waiting.delete(number);
    if (!known) return;
    this.#settled.delete(known.peer);
    this.#topology.leave(known.peer);
  }

  #heard(peer: PeerInfo, atMs: number): void {
    const { clock, db, lifetimes } = this.#topology;
    const isHeard = () => isHeardOf(peer, clock(), lifetimes.inactiveProducerTimeoutMs);
    const wasHeard = isHeard();
    peer.lastUpdateMs = atMs;
    if (wasHeard !== isHeard()) db.touchPeer(peer);
  }
}
