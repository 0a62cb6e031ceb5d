import type { Steps } from '../base/work-queue.js';
import { CLIENT, type PeerInfo, type Registration, type RegistrationDB } from '../registry/index.js';
import { readClaim, toField, writeClaim, writePeer } from './shared-fields.js';
import type { OwnWrite } from './shared-registry.js';

/** Who has not pinged for so long is said to be silent; an nsqd pings every 15 seconds. */
const SILENT_MS = 30_000;

interface OwnPeer {
  readonly number: number;
  readonly joinedAtMs: number;
  isSilent: boolean;
  isSettled: boolean;
}

/** What a lookupd says of the peers that it holds itself, and what of that has not been written yet. */
export class OwnPeers {
  readonly #db: RegistrationDB;
  readonly #peers = new Map<PeerInfo, OwnPeer>();
  readonly #fields = new Map<string, string>();
  readonly #dirty = new Set<string>();
  #lastNumber = 0;
  /** Of a writing anew, the fields that are still to be written; undefined when it is over. */
  #left: Iterator<string, undefined> | undefined;

  constructor(db: RegistrationDB) {
    this.#db = db;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.#left !== undefined;
  }

  /** Whether all is written that was there when it was begun anew. */
  get isWhole(): boolean {
    return this.#left === undefined;
  }

  get size(): number {
    return this.#peers.size;
  }

  claimAt(peer: PeerInfo, registration: Registration): number {
    const own = this.#peers.get(peer);
    const text = own && this.#fields.get(toField(own.number, registration));
    return (text !== undefined && readClaim(text)?.at) || 0;
  }

  /** Whether it is known to be a producer of that. */
  holds(peer: PeerInfo, registration: Registration): boolean {
    const isClient = registration.category === CLIENT.category;
    return isClient ? this.#peers.has(peer) : this.claimAt(peer, registration) > 0;
  }

  isSettled(peer: PeerInfo): boolean {
    return this.#peers.get(peer)?.isSettled === true;
  }

  hasPinged(peer: PeerInfo): boolean {
    return this.#peers.get(peer)?.joinedAtMs !== peer.lastUpdateMs;
  }

  /** It is a producer of that since then. */
  hold(peer: PeerInfo, registration: Registration, at: number, tombstonedAtMs?: number): void {
    let own = this.#peers.get(peer);
    if (!own) {
      own = { number: ++this.#lastNumber, joinedAtMs: peer.lastUpdateMs, isSilent: false, isSettled: false };
      this.#peers.set(peer, own);
      this.#writePeer(peer, own);
    }
    if (registration.category !== CLIENT.category)
      this.#write(toField(own.number, registration), writeClaim({ at, tombstonedAtMs }));
  }

  release(peer: PeerInfo, registration: Registration): void {
    const own = this.#peers.get(peer);
    if (own && registration.category !== CLIENT.category) this.#write(toField(own.number, registration), null);
    if (own && this.#db.countRegistrationsOf(peer) === 0) this.#forget(peer, own);
  }

  /** All that it held has gone with it. */
  left(peer: PeerInfo): void {
    const own = this.#peers.get(peer);
    if (own) this.#write(toField(own.number), null);
  }

  /** Looks who has fallen silent, or is heard of again. */
  *look(now: number): Steps {
    for (const peer of this.#peers.keys()) {
      this.lookAt(peer, now);
      yield;
    }
  }

  lookAt(peer: PeerInfo, now: number): void {
    const own = this.#peers.get(peer);
    if (!own) return;
    const isSilent = now - peer.lastUpdateMs > SILENT_MS;
    const isSettled = own.isSettled || peer.lastUpdateMs !== own.joinedAtMs;
    if (isSilent === own.isSilent && isSettled === own.isSettled) return;
    own.isSilent = isSilent;
    own.isSettled = isSettled;
    if (this.#fields.has(toField(own.number))) this.#writePeer(peer, own);
  }

  /** All is to be written. */
  writeAnew(): void {
    this.#dirty.clear();
    this.#left = this.#fields.keys(); // with those that are added meanwhile
  }

  /** Some of what is to be written, which counts as written from now on. */
  take(most: number): OwnWrite[] {
    const writes: OwnWrite[] = [];
    const take = (field: string) => {
      writes.push([field, this.#fields.get(field) ?? null]);
      this.#dirty.delete(field);
    };
    while (this.#left && writes.length < most) {
      const { done, value } = this.#left.next();
      if (done === true) this.#left = undefined;
      else take(value);
    }
    for (const field of this.#dirty) {
      if (writes.length >= most) break;
      take(field);
    }
    return writes;
  }

  /** It was not written, after all. */
  giveBack(writes: readonly OwnWrite[]): void {
    for (const [field] of writes) this.#dirty.add(field);
  }

  #forget(peer: PeerInfo, own: OwnPeer): void {
    this.#write(toField(own.number), null);
    this.#peers.delete(peer);
  }

  #writePeer(peer: PeerInfo, { number, isSilent, isSettled }: OwnPeer): void {
    this.#write(toField(number), writePeer({ peer, isSilent, isSettled }));
  }

  #write(field: string, value: string | null): void {
    if (value === null && !this.#fields.delete(field)) return;
    if (value !== null) this.#fields.set(field, value);
    this.#dirty.add(field);
  }
}
