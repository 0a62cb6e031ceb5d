import type { Steps } from '../base/work-queue.js';
import type { PeerInfo, Registration, Topology } from '../registry/index.js';
import { OtherLookupd, type ClaimJudge } from './shared-other.js';
import type { OwnPeers } from './shared-own.js';

/** What it costs to let a peer come or go, in steps of work. */
const STEPS = 4;

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

  /** Looks who has said nothing for too long, and how long it is that who is gone was there. Gives what is to be done for that. */
  look(now: number, leaseMs: number, areHeard: boolean): readonly Steps[] {
    return this.all.map((other) => {
      const silentMs = now - other.heardAtMs;
      const isSilent = silentMs > leaseMs || now - (other.askedAtMs ?? now) >= leaseMs / 3;
      const going = areHeard && isSilent ? this.gone(other) : undefined;
      if (other.isGone && silentMs > Math.max(leaseMs, this.#graceMs)) return this.#drop(other);
      return going ?? other.renew(now);
    });
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

  /** Another is gone, and its peers will come to others: gives what is to be done for those who are there already. */
  gone(other: OtherLookupd): Steps {
    if (!other.isGone) {
      other.isGone = true;
      other.askedAtMs = undefined;
      this.#asked.delete(other.origin);
      this.#topology.liveOrigins.delete(other.origin);
    }
    return this.#handOver(other);
  }

  /** Who has settled elsewhere has left it; who has just come there follows what it was. */
  *#handOver(other: OtherLookupd): Steps {
    const { db } = this.#topology;
    const done = new Set<PeerInfo>();
    for (const peer of other.peers()) {
      if (!other.isGone) return; // it is back
      yield;
      if (done.has(peer)) continue;
      const copies = this.#topology.copiesOf(peer);
      const live = copies.filter((copy) => !db.isBrought(copy) || this.of(copy)?.isGone === false);
      const isSettled = live.some((copy) => this.#own.isSettled(copy) || this.of(copy)?.isSettled(copy) === true);
      for (const copy of copies) {
        if (this.of(copy) !== other) continue;
        done.add(copy);
        if (isSettled) this.#topology.leave(copy);
        yield STEPS;
      }
      if (isSettled) continue;
      for (const copy of live) {
        if (db.countRegistrationsOf(copy) > 0) this.#topology.join(copy);
        yield STEPS;
      }
    }
  }

  *#drop(other: OtherLookupd): Steps {
    yield* other.drop();
    if (other.isGone) this.#all.delete(other.origin);
  }
}
