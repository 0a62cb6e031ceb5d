import type { PeerInfo, Registration, Topology } from '../registry/index.js';
import { OtherLookupd, type ClaimJudge } from './shared-other.js';
import type { OwnPeers } from './shared-own.js';

/** The other lookupds that share the registry: which are there, and which are gone. */
export class OtherLookupds {
  readonly #all = new Map<string, OtherLookupd>();
  readonly #topology: Topology;
  readonly #own: OwnPeers;
  readonly #judge: ClaimJudge;
  readonly #graceMs: number;
  readonly #onAsked: () => void;
  #asked = new Set<string>();

  /** `onAsked`: somebody is asked whether it is there, which is to be looked at until it is known. */
  constructor(topology: Topology, own: OwnPeers, graceMs: number, judge: ClaimJudge, onAsked: () => void) {
    this.#onAsked = onAsked;
    this.#topology = topology;
    this.#own = own;
    this.#graceMs = graceMs;
    this.#judge = judge;
  }

  get all(): readonly OtherLookupd[] {
    return [...this.#all.values()];
  }

  /** Whether somebody who is asked has not been heard of yet. */
  get areAsked(): boolean {
    return this.all.some(({ askedAtMs }) => askedAtMs !== undefined);
  }

  /** Whether somebody is to be asked. */
  get hasNews(): boolean {
    return this.#asked.size > 0;
  }

  get(origin: string): OtherLookupd | undefined {
    return this.#all.get(origin);
  }

  /** It is heard of. */
  heard(origin: string): OtherLookupd {
    let other = this.#all.get(origin);
    if (!other) this.#all.set(origin, (other = new OtherLookupd(origin, this.#topology, this.#judge)));
    other.heardAtMs = this.#topology.clock();
    other.askedAtMs = undefined;
    other.isGone = false;
    this.#topology.liveOrigins.add(origin);
    return other;
  }

  /** The one that has told of a peer. */
  of(peer: PeerInfo): OtherLookupd | undefined {
    return this.#all.get(this.#topology.db.keyOf(peer)?.replace(/\/\d+$/, '') ?? '');
  }

  /** Since when a peer of another is a producer of that, in logical time. */
  claimAt(peer: PeerInfo, registration: Registration): number {
    const key = this.#topology.db.keyOf(peer) ?? '';
    return this.of(peer)?.claimAt(Number(/\d+$/.exec(key)), registration) ?? 0;
  }

  /** An nsqd has come: those that had it are asked whether they are there. It may be connected to both. */
  arrived(peer: PeerInfo): void {
    for (const copy of this.#topology.copiesOf(peer)) {
      const other = copy === peer ? undefined : this.of(copy);
      if (other) this.doubt(other.origin);
    }
  }

  /** Whether it is there is to be asked. */
  doubt(origin: string): void {
    if (this.ask(origin)) this.#asked.add(origin);
  }

  /** It was asked whether it is there, here or elsewhere. False if it had been. */
  ask(origin: string): boolean {
    const other = this.#all.get(origin);
    if (!other || other.isGone || other.askedAtMs !== undefined) return false;
    other.askedAtMs = this.#topology.clock();
    this.#onAsked();
    return true;
  }

  takeAsked(): readonly string[] {
    const asked = [...this.#asked];
    this.#asked.clear();
    return asked;
  }

  /** They could not be asked. */
  giveBack(asked: readonly string[]): void {
    for (const origin of asked) this.#asked.add(origin);
  }

  /** Looks who has said nothing for too long, and how long it is that who is gone was there: those are given, and to be dropped. */
  look(now: number, leaseMs: number, areHeard: boolean): void {
    for (const other of this.all) {
      const silentMs = now - other.heardAtMs;
      const isSilent = silentMs > leaseMs || now - (other.askedAtMs ?? now) >= leaseMs / 3;
      if (areHeard && isSilent) this.gone(other);
      if (other.isGone && silentMs > Math.max(leaseMs, this.#graceMs)) this.#drop(other);
      else other.renew(now);
    }
  }

  /** Nothing could be heard until now: who is silent is so from now on. */
  renewLeases(now: number): void {
    for (const other of this.all) {
      if (!other.isGone) other.heardAtMs = now;
      if (other.askedAtMs !== undefined) other.askedAtMs = now;
    }
  }

  clockSetBack(now: number): void {
    for (const other of this.all) other.heardAtMs = Math.min(other.heardAtMs, now);
  }

  /** Another is gone, and its peers will come to others. Those who are there already are what it held. */
  gone(other: OtherLookupd): void {
    const { liveOrigins, db } = this.#topology;
    if (other.isGone) return;
    other.isGone = true;
    other.askedAtMs = undefined;
    this.#asked.delete(other.origin);
    liveOrigins.delete(other.origin);
    for (const peer of other.peers) {
      for (const copy of this.#topology.copiesOf(peer)) {
        if (copy === peer || (db.isBrought(copy) && this.of(copy)?.isGone !== false)) continue;
        if (this.#own.isSettled(copy) || this.of(copy)?.isSettled(copy) === true) this.#topology.leave(peer);
        else this.#topology.join(copy);
      }
    }
  }

  #drop(other: OtherLookupd): void {
    this.#all.delete(other.origin);
    other.drop();
  }
}
