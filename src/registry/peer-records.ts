import { IDENTITY_TEXTS } from '../base/identity.js';
import { toNodeAddress, type PeerInfo } from './peer-info.js';
import type { Entry, Scope } from './entry.js';
import { ProducerRecord } from './producer-record.js';

/**
 * What one peer is a producer of: by key, a chain, the topic's own first. All that a peer has of one topic is found without
 * its other registrations, or the topic's other producers, being looked at; and a link costs less to make and to end than a
 * place in a set.
 */
export class PeerRecords {
  readonly peer: PeerInfo;
  /** Names it outside of this process. */
  readonly key: string;
  /** What it weighs in bytes of memory, about, beside its records. */
  readonly bytes: number;
  readonly address: string;
  /** The db's revision when the peer itself or its topics last changed; its channels do not count. */
  revision = 0;
  /** Whether the peer has left, and what is here waits to be swept away. */
  isGone = false;
  /** Of how much it is a producer. */
  size = 0;
  readonly #chains = new Map<Scope, ProducerRecord>();

  constructor(peer: PeerInfo, key: string) {
    this.peer = peer;
    this.key = key;
    // Both as they are now: a host may change its object.
    this.bytes = bytesOf(peer);
    this.address = toNodeAddress(peer);
  }

  add(entry: Entry): ProducerRecord {
    const record = new ProducerRecord(entry, this);
    const first = this.#chains.get(entry.scope);
    if (first && first.entry.category !== 'channel') record.link(first, first.next);
    else {
      record.link(undefined, first);
      this.#chains.set(entry.scope, record);
    }
    this.size++;
    return record;
  }

  delete(record: ProducerRecord): void {
    const { next } = record;
    const { scope } = record.entry;
    this.size--;
    if (!record.unlink()) return;
    if (next) this.#chains.set(scope, next);
    else this.#chains.delete(scope);
  }

  /** Those with that key, the topic's own last, as it goes after its channels. */
  of(scope: Scope): ProducerRecord[] {
    return chainOf(this.#chains.get(scope));
  }

  /** The first of each key: its topic's own, if the peer is a producer of the topic. */
  firsts(): Iterable<ProducerRecord> {
    return this.#chains.values();
  }

  /** All of them. */
  all(): ProducerRecord[] {
    return [...this.firsts()].flatMap(chainOf);
  }

  /** Each of them, which is to be deleted before the next one is asked for. */
  *drain(): Generator<ProducerRecord, void, undefined> {
    for (const { entry } of this.firsts()) {
      for (let first = this.#chains.get(entry.scope); first; first = this.#chains.get(entry.scope))
        yield first.next ?? first;
    }
  }
}

function chainOf(first: ProducerRecord | undefined): ProducerRecord[] {
  const chain: ProducerRecord[] = [];
  for (let record = first?.next; record; record = record.next) chain.push(record);
  return first ? [...chain, first] : chain;
}

/** Measured, with what an index by address and a session hold. */
const PEER_BYTES = 1500;

function bytesOf(peer: PeerInfo): number {
  return IDENTITY_TEXTS.reduce((bytes, name) => bytes + 2 * peer[name].length, PEER_BYTES);
}
