import type { NameTree } from './name-tree.js';
import type { PeerInfo } from './peer-info.js';
import type { ProducerRecord } from './producer-record.js';
import type { Category, Registration } from './registration.js';

/** What there is of a category and key: mostly one entry, which needs no tree. */
export type Entries = Entry | NameTree<Entry> | undefined;

/** All that is of one key, by category and subkey. */
export class Scope {
  readonly key: string;
  revision = 0;
  client: Entries = undefined;
  topic: Entries = undefined;
  channel: Entries = undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/** What a registration weighs at the most, about, beside the texts of its names; measured with a million. */
const ENTRY_BYTES = 300;

/** A registration with its producers, as the db keeps it. */
export class Entry implements Registration {
  readonly category: Category;
  readonly key: string;
  readonly subkey: string;
  readonly scope: Scope;
  /** The revision at which it came; -1 when it has gone. */
  since: number;
  /** Whether it was made without a producer, as an operator does. */
  readonly isMade: boolean;
  /** Mostly one, which needs no map: a map of one is larger than all the rest of this. */
  #producers: ProducerRecord | Map<PeerInfo, ProducerRecord> | undefined = undefined;
  /** Its neighbours among those without a producer, while it has none. */
  older: Entry | undefined = undefined;
  newer: Entry | undefined = undefined;

  constructor(category: Category, scope: Scope, subkey: string, since: number, isMade: boolean) {
    this.category = category;
    this.key = scope.key;
    this.scope = scope;
    this.subkey = subkey;
    this.since = since;
    this.isMade = isMade;
  }

  /** What it weighs in bytes of memory, about, without its producers. */
  get bytes(): number {
    return ENTRY_BYTES + this.key.length + this.subkey.length;
  }

  /** How many producers it has. */
  get size(): number {
    const producers = this.#producers;
    return producers instanceof Map ? producers.size : producers ? 1 : 0;
  }

  /** Whether it is there, and was at that revision. */
  isSince(revision: number): boolean {
    return this.since >= 0 && this.since <= revision;
  }

  producer(peer: PeerInfo): ProducerRecord | undefined {
    const producers = this.#producers;
    if (producers instanceof Map) return producers.get(peer);
    return producers?.peer === peer ? producers : undefined;
  }

  /** Its producers in the order in which they came, live. */
  producers(): Iterable<ProducerRecord> {
    const producers = this.#producers;
    if (producers instanceof Map) return producers.values();
    return producers ? [producers] : [];
  }

  /** Adds a producer, of a peer that is none of it. */
  add(record: ProducerRecord): void {
    const producers = this.#producers;
    if (!producers) this.#producers = record;
    else if (producers instanceof Map) producers.set(record.peer, record);
    else this.#producers = new Map<PeerInfo, ProducerRecord>().set(producers.peer, producers).set(record.peer, record);
  }

  /** Takes out a producer that it has. */
  delete({ peer }: ProducerRecord): void {
    const producers = this.#producers;
    // One that would fall empty is dropped as it is: to empty a map makes a new one.
    if (producers instanceof Map && producers.size > 1) producers.delete(peer);
    else this.#producers = undefined;
  }

  /** What is told of it elsewhere. */
  toJSON(): Registration {
    const { category, key, subkey } = this;
    return { category, key, subkey };
  }
}
