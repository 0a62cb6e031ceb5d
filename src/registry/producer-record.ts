import type { PeerInfo } from './peer-info.js';
import type { Producer } from './registration.js';

/** What one peer is a producer of, in the order in which it became one. */
export interface PeerRecords<E> {
  first: ProducerRecord<E> | undefined;
  last: ProducerRecord<E> | undefined;
  size: number;
}

/**
 * A producer of one registration (the entry), linked with the others of its peer. A link costs less to make and to end than a
 * place in a set, the more the larger the set is.
 */
export class ProducerRecord<E> implements Producer {
  readonly peer: PeerInfo;
  tombstonedAtMs: number | undefined = undefined;
  readonly #entry: E;
  #previous: ProducerRecord<E> | undefined;
  #next: ProducerRecord<E> | undefined = undefined;

  /** Made as the last of its peer's. */
  constructor(peer: PeerInfo, entry: E, records: PeerRecords<E>) {
    this.peer = peer;
    this.#entry = entry;
    this.#previous = records.last;
    if (records.last) records.last.#next = this;
    else records.first = this;
    records.last = this;
    records.size++;
  }

  unlink(records: PeerRecords<E>): void {
    if (this.#previous) this.#previous.#next = this.#next;
    else records.first = this.#next;
    if (this.#next) this.#next.#previous = this.#previous;
    else records.last = this.#previous;
    records.size--;
    this.#previous = this.#next = undefined; // who keeps this one keeps no other with it
  }

  /** A peer's records, in their order. */
  static listOf<E>(records: PeerRecords<E> | undefined): ProducerRecord<E>[] {
    const list: ProducerRecord<E>[] = [];
    for (let record = records?.first; record; record = record.#next) list.push(record);
    return list;
  }

  /** What it is a producer of. */
  get entry(): E {
    return this.#entry;
  }
}
