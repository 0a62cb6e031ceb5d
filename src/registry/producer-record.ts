import type { Entry } from './entry.js';
import type { PeerInfo } from './peer-info.js';
import type { PeerRecords } from './peer-records.js';
import type { Producer } from './registration.js';

/** A producer of one registration, linked with those of the same peer and key. */
export class ProducerRecord implements Producer {
  tombstonedAtMs: number | undefined = undefined;
  readonly #entry: Entry;
  readonly #records: PeerRecords;
  #previous: ProducerRecord | undefined = undefined;
  #next: ProducerRecord | undefined = undefined;

  constructor(entry: Entry, records: PeerRecords) {
    this.#entry = entry;
    this.#records = records;
  }

  get peer(): PeerInfo {
    return this.#records.peer;
  }

  /** What is told of it elsewhere. */
  toJSON(): Producer {
    return { peer: this.peer, tombstonedAtMs: this.tombstonedAtMs };
  }

  /** What it is a producer of. */
  get entry(): Entry {
    return this.#entry;
  }

  /** Those of its peer. */
  get records(): PeerRecords {
    return this.#records;
  }

  /** The next one of the same peer and key. */
  get next(): ProducerRecord | undefined {
    return this.#next;
  }

  /** Links it between two that are neighbours. */
  link(previous: ProducerRecord | undefined, next: ProducerRecord | undefined): void {
    this.#previous = previous;
    this.#next = next;
    if (previous) previous.#next = this;
    if (next) next.#previous = this;
  }

  /** Links its neighbours with each other. Answers whether it was the first. */
  unlink(): boolean {
    const previous = this.#previous;
    if (previous) previous.#next = this.#next;
    if (this.#next) this.#next.#previous = previous;
    this.#previous = this.#next = undefined; // who keeps this one keeps no other with it
    return previous === undefined;
  }
}
