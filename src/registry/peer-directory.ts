import type { PeerInfo } from './peer-info.js';
import { PeerRecords } from './peer-records.js';

/** Above this one more is no longer another number. */
const MAX_NUMBER = 2 ** 52;

/** The peers that are a producer of anything, by object, by address, and by the key that names them elsewhere. */
export class PeerDirectory {
  readonly #origin: string;
  readonly #records = new Map<PeerInfo, PeerRecords>();
  readonly #byAddress = new Map<string, Set<PeerInfo>>();
  /** Those without a connection, which another db has told of; also while they wait to be swept. */
  readonly #brought = new Map<string, PeerInfo>();
  readonly #keysOfBrought = new WeakMap<PeerInfo, string>();
  #lastNumber = 0;
  #bytes = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get size(): number {
    return this.#records.size;
  }

  /** What they weigh in memory, about, without what they are a producer of. */
  get bytes(): number {
    return this.#bytes;
  }

  get(peer: PeerInfo): PeerRecords | undefined {
    return this.#records.get(peer);
  }

  add(peer: PeerInfo): PeerRecords {
    const records = new PeerRecords(peer, this.#keysOfBrought.get(peer) ?? `${this.#origin}/${++this.#lastNumber}`);
    this.#records.set(peer, records);
    const same = this.#byAddress.get(records.address) ?? new Set();
    this.#byAddress.set(records.address, same.add(peer));
    this.#bytes += records.bytes;
    return records;
  }

  /** Takes a peer out. Its key stays taken until `release`, as what it had may be swept later. */
  hide(records: PeerRecords): void {
    const { peer, address } = records;
    records.isGone = true;
    this.#records.delete(peer);
    const same = this.#byAddress.get(address)!; // put there with the peer
    same.delete(peer);
    if (same.size === 0) this.#byAddress.delete(address);
    this.#bytes -= records.bytes;
  }

  /** A peer is a producer of nothing any more. */
  release(records: PeerRecords): void {
    if (!records.isGone) this.hide(records);
    this.#brought.delete(records.key);
  }

  all(): PeerInfo[] {
    return [...this.#records.keys()];
  }

  at(address: string): PeerInfo[] {
    return [...(this.#byAddress.get(address) ?? [])];
  }

  /** How many have been brought, and are there. */
  get broughtCount(): number {
    return this.#brought.size;
  }

  isBrought(peer: PeerInfo): boolean {
    return this.#keysOfBrought.has(peer);
  }

  /** The peer of that key, if another db has told of it. */
  broughtBy(key: string): PeerInfo | undefined {
    return this.#brought.get(key);
  }

  /** The same; one that is new is a copy of `info`. */
  bring(key: string, info: PeerInfo): PeerInfo {
    let peer = this.#brought.get(key);
    if (peer) return peer;
    // A number of our own that another has had before a restart is not given again.
    const number = key.startsWith(`${this.#origin}/`) ? Number(key.slice(this.#origin.length + 1)) : 0;
    // Which is never so of what is no number.
    if (number > this.#lastNumber && number <= MAX_NUMBER) this.#lastNumber = number;
    this.#brought.set(key, (peer = { ...info }));
    this.#keysOfBrought.set(peer, key);
    return peer;
  }
}
