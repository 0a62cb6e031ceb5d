import { toOwnText } from '../base/text.js';
import type { ChangeQueue } from './change-queue.js';
import type { Change } from './change.js';
import { Entry, Scope } from './entry.js';
import { IdleRegistrations } from './idle-registrations.js';
import { PeerDirectory } from './peer-directory.js';
import type { PeerInfo } from './peer-info.js';
import type { PeerRecords } from './peer-records.js';
import type { ProducerRecord } from './producer-record.js';
import { RegistrationIndex } from './registration-index.js';
import type { Registration } from './registration.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a producer weighs in bytes of memory, about; measured with a million. */
const PRODUCER_BYTES = 150;

/**
 * What a `RegistrationDB` holds, and the changes that all others are made of: each keeps the indexes, counts and revisions
 * in step, and is put into the queue, which the db has told when it is done.
 */
export class DbState {
  readonly index = new RegistrationIndex();
  readonly idle = new IdleRegistrations();
  readonly peers: PeerDirectory;
  readonly changes: ChangeQueue;
  revision = 0;
  topicsRevision = 0;
  nodesRevision = 0;
  /** When a peer last left whose records are, or were, swept later. */
  leftRevision = 0;
  #entries = 0;
  #entryBytes = 0;
  #producers = 0;

  constructor(origin: string, changes: ChangeQueue) {
    this.peers = new PeerDirectory(origin);
    this.changes = changes;
  }

  get size(): number {
    return this.#entries + this.#producers;
  }

  get bytes(): number {
    return this.#entryBytes + this.#producers * PRODUCER_BYTES + this.peers.bytes;
  }

  get({ category, key, subkey }: Registration): Entry | undefined {
    return this.index.get(category, key, subkey);
  }

  /** The peer as a producer of it, unless the peer has left. */
  recordOf(registration: Registration, peer: PeerInfo): ProducerRecord | undefined {
    const record = this.get(registration)?.producer(peer);
    return record?.records.isGone === true ? undefined : record;
  }

  /** Adds a registration without a producer, if it is not there. */
  add(registration: Registration, isMade: boolean): Entry | undefined {
    if (this.get(registration)) return undefined;
    const entry = this.#create(registration, isMade);
    this.idle.of(entry).add(entry);
    return entry;
  }

  remove(entry: Entry): void {
    if (entry.size === 0) this.idle.of(entry).delete(entry);
    for (const record of entry.producers()) {
      entry.delete(record); // who keeps the entry keeps none of them
      this.#ended(record);
    }
    const revision = (entry.scope.revision = ++this.revision);
    this.index.delete(entry);
    entry.since = -1;
    this.#count(entry, -1);
    this.changes.push({ revision, type: 'registrationRemoved', registration: entry });
  }

  /** Makes a peer a producer that it is not, of a registration that is made if it is not `known`. */
  link(known: Entry | undefined, registration: Registration, peer: PeerInfo): void {
    const records = this.peers.get(peer) ?? this.peers.add(peer); // which throws for what is no peer, before anything is changed
    const entry = known ?? this.#create(registration, false);
    if (known?.size === 0) this.idle.of(entry).delete(entry);
    const record = records.add(entry);
    entry.add(record);
    this.#producers++;
    this.changed('producerAdded', record);
  }

  unlink(record: ProducerRecord): void {
    const { entry } = record;
    entry.delete(record);
    if (entry.size === 0) this.idle.of(entry).add(entry);
    this.#ended(record);
  }

  /** Takes a peer out of all answers. Its records are to be drained. */
  hide(records: PeerRecords): void {
    this.peers.hide(records);
    this.leftRevision = ++this.revision;
    this.#peerChanged('peerLeft', records);
  }

  touch(records: PeerRecords): void {
    records.revision = ++this.revision;
    for (const { entry } of records.firsts()) entry.scope.revision = this.revision;
    this.#peerChanged('peerTouched', records);
  }

  changed(type: 'producerAdded' | 'producerRemoved' | 'producerTombstoned', producer: ProducerRecord): void {
    const { entry, records, peer } = producer;
    const revision = (entry.scope.revision = ++this.revision);
    if (entry.category !== 'channel') records.revision = this.nodesRevision = revision;
    const change = { revision, type, registration: entry, peer, peerKey: records.key, producer } as Mutable<Change>;
    if (change.type === 'producerTombstoned') change.tombstonedAtMs = producer.tombstonedAtMs!;
    this.changes.push(change);
  }

  /** Makes a registration that is not there. Nobody is its producer, and it is not idle yet. */
  #create({ category, key, subkey }: Registration, isMade: boolean): Entry {
    const scope = this.index.scopeOf(key) ?? new Scope(toOwnText(key));
    const revision = (scope.revision = ++this.revision);
    const entry = new Entry(category, scope, toOwnText(subkey), revision, isMade);
    this.index.add(entry);
    this.#count(entry, 1);
    this.changes.push({ revision, type: 'registrationAdded', registration: entry, isMade });
    return entry;
  }

  #peerChanged(type: 'peerLeft' | 'peerTouched', { peer, key }: PeerRecords): void {
    this.nodesRevision = this.revision;
    this.changes.push({ revision: this.revision, type, peer, peerKey: key });
  }

  #count({ category, bytes }: Entry, one: 1 | -1): void {
    this.#entries += one;
    this.#entryBytes += one * bytes;
    if (category === 'topic') this.topicsRevision = this.revision;
  }

  #ended(record: ProducerRecord): void {
    const { records } = record;
    records.delete(record);
    this.#producers--;
    if (records.size === 0) this.peers.release(records);
    this.changed('producerRemoved', record);
  }
}
