import type { OnError } from '../base/error-report.js';
import { toOwnText } from '../base/text.js';
import type { PeerInfo } from './peer-info.js';
import { ProducerRecord, type PeerRecords } from './producer-record.js';
import { RegistrationIndex } from './registration-index.js';
import type { Producer, Registration } from './registration.js';
import { SafeEmitter } from '../base/safe-emitter.js';

/**
 * What a `RegistrationDB` tells, each after the change is made. A listener may change the db itself. `on`, `once` and
 * `off` know these names and arguments.
 */
export interface RegistrationDBEvents {
  /** A registration is there that was not, before `producerAdded` if a producer brought it. */
  registrationAdded: (registration: Registration) => void;
  /** A registration has gone, after `producerRemoved` of each of its producers. */
  registrationRemoved: (registration: Registration) => void;
  /** A peer has become a producer of the registration. */
  producerAdded: (registration: Registration, producer: Producer) => void;
  /** A peer is no longer a producer of the registration, whichever way it went. */
  producerRemoved: (registration: Registration, producer: Producer) => void;
  /** A producer was tombstoned; when the tombstone ends is told by nobody, as nothing happens then. */
  producerTombstoned: (registration: Registration, producer: Producer) => void;
}

/** Options of a `RegistrationDB`, all of which may be left out. */
export interface RegistrationDBOptions {
  /**
   * Gets what a listener of the db's events threw, once for each event. The change that the event told of
   * stands, and whoever made it is not disturbed. Default: a line to the console.
   */
  readonly onError?: OnError | undefined;
}

/**
 * Who carries what: registrations, and the peers that are producers of each. Pure: no I/O, no clock, no timer.
 *
 * Every question costs in proportion to its answer and every change to what it changes, however much else the
 * db holds. `*` as key or subkey of a find matches all; in a change it is a name like any other. Names are taken as
 * they are given.
 *
 * @example
 * ```js
 * import { RegistrationDB, topicRegistration } from 'nsqlookupd';
 *
 * const db = new RegistrationDB();
 * db.on('registrationAdded', ({ category, key }) => console.log(category, key)); // topic orders
 * db.addRegistration(topicRegistration('orders'));
 * console.log(db.addRegistration(topicRegistration('orders'))); // false
 * console.log(db.findRegistrations('topic', '*', '').length); // 1
 * ```
 */
export class RegistrationDB extends SafeEmitter<RegistrationDBEvents> {
  readonly #index = new RegistrationIndex<Entry>();
  readonly #byPeer = new Map<PeerInfo, PeerRecords<Entry>>();
  readonly #scopes = new Map<string, Scope>();
  #revision = 0;
  #registrationsRevision = 0;
  #size = 0;

  /** Makes an empty db. */
  constructor(options: RegistrationDBOptions = {}) {
    super(options.onError);
  }

  /** Counts up with every change that an answer could show, except a peer's `lastUpdateMs`. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * The db's `revision` when a registration with that key (topic) last changed; 0 while there is none.
   * An answer about one topic is stale when this differs.
   */
  revisionOf(key: string): number {
    return this.#scopes.get(key)?.revision ?? 0;
  }

  /**
   * The db's `revision` when a registration was last added or removed. A list of topics is stale when this
   * differs; that producers come and go does not move it.
   */
  get registrationsRevision(): number {
    return this.#registrationsRevision;
  }

  /** Adds a registration without producers. False if it is there already. */
  addRegistration(registration: Registration): boolean {
    if (this.#get(registration)) return false;
    const entry = this.#create(registration);
    this.#touch(entry);
    this.#registrationsRevision = this.#revision;
    this.emit('registrationAdded', entry);
    return true;
  }

  /** Removes a registration with its producers. False if it is not there. */
  removeRegistration(registration: Registration): boolean {
    const entry = this.#get(registration);
    if (!entry) return false;
    this.#index.delete(entry);
    this.#size -= 1 + entry.producers.size;
    for (const producer of entry.producers.values()) this.#unlink(producer);
    this.#touch(entry);
    this.#registrationsRevision = this.#revision;
    if (--entry.scope.registrations === 0) this.#scopes.delete(entry.key);
    for (const producer of entry.producers.values()) this.emit('producerRemoved', entry, producer);
    this.emit('registrationRemoved', entry);
    return true;
  }

  /** Makes `peer` a producer, adding the registration if need be. False if it was one; its tombstone stays. */
  addProducer(registration: Registration, peer: PeerInfo): boolean {
    const known = this.#get(registration);
    if (known?.producers.has(peer)) return false;
    const entry = known ?? this.#create(registration);
    let records = this.#byPeer.get(peer);
    if (!records) this.#byPeer.set(peer, (records = { first: undefined, last: undefined, size: 0 }));
    const producer = new ProducerRecord(peer, entry, records);
    entry.producers.set(peer, producer);
    this.#size++;
    this.#touch(entry);
    if (!known) {
      this.#registrationsRevision = this.#revision;
      this.emit('registrationAdded', entry);
    }
    this.emit('producerAdded', entry, producer);
    return true;
  }

  /** Ends `peer`'s part as a producer; the registration stays. False if it was none. */
  removeProducer(registration: Registration, peer: PeerInfo): boolean {
    const entry = this.#get(registration);
    const producer = entry?.producers.get(peer);
    if (!entry || !producer) return false;
    entry.producers.delete(peer);
    this.#size--;
    this.#unlink(producer);
    this.#touch(entry);
    this.emit('producerRemoved', entry, producer);
    return true;
  }

  /** Ends all of `peer`'s parts as a producer, and answers of which registrations. The registrations stay. */
  removePeer(peer: PeerInfo): Registration[] {
    const producers = ProducerRecord.listOf(this.#byPeer.get(peer));
    const entries = producers.map((producer) => {
      const { entry } = producer;
      entry.producers.delete(peer);
      this.#unlink(producer);
      this.#touch(entry);
      return entry;
    });
    this.#size -= entries.length;
    if (this.listenerCount('producerRemoved') > 0) {
      producers.forEach((producer, i) => this.emit('producerRemoved', entries[i]!, producer));
    }
    return entries;
  }

  /** Counts up the revisions of all that `peer` is a producer of, as what is known of the peer has changed. */
  touchPeer(peer: PeerInfo): void {
    for (const { entry } of ProducerRecord.listOf(this.#byPeer.get(peer))) this.#touch(entry);
  }

  /** Marks a producer as tombstoned at `atMs`, in milliseconds since 1970. False if `peer` is no producer of the registration. */
  tombstone(registration: Registration, peer: PeerInfo, atMs: number): boolean {
    const entry = this.#get(registration);
    const producer = entry?.producers.get(peer);
    if (!entry || !producer) return false;
    producer.tombstonedAtMs = atMs;
    this.#touch(entry);
    this.emit('producerTombstoned', entry, producer);
    return true;
  }

  /** Whether exactly that registration is there, with producers or without. */
  hasRegistration(registration: Registration): boolean {
    return this.#get(registration) !== undefined;
  }

  /** The registrations of a category with that key and subkey, each of which may be `*` for any. */
  findRegistrations(category: string, key: string, subkey: string): Registration[] {
    return [...this.#index.find(category, key, subkey)];
  }

  /** How many registrations of a category have that key. */
  countRegistrations(category: string, key: string): number {
    return this.#index.count(category, key);
  }

  /** The producers of the registrations that `findRegistrations` names, each peer once. */
  findProducers(category: string, key: string, subkey: string): Producer[] {
    const byPeer = new Map<PeerInfo, Producer>();
    for (const { producers } of this.#index.find(category, key, subkey)) {
      for (const [peer, producer] of producers) if (!byPeer.has(peer)) byPeer.set(peer, producer);
    }
    return [...byPeer.values()];
  }

  /** `peer` as a producer of exactly that registration. */
  getProducer(registration: Registration, peer: PeerInfo): Producer | undefined {
    return this.#get(registration)?.producers.get(peer);
  }

  /** The producers of exactly that registration, read live: one pass, before the next change. */
  producersOf(registration: Registration): Iterable<Producer> {
    return this.#get(registration)?.producers.values() ?? [];
  }

  /** How many producers exactly that registration has. */
  countProducers(registration: Registration): number {
    return this.#get(registration)?.producers.size ?? 0;
  }

  /** How many registrations `peer` is a producer of. */
  countRegistrationsOf(peer: PeerInfo): number {
    return this.#byPeer.get(peer)?.size ?? 0;
  }

  /** The registrations that `peer` is a producer of. */
  registrationsOf(peer: PeerInfo): Registration[] {
    return ProducerRecord.listOf(this.#byPeer.get(peer)).map(({ entry }) => entry);
  }

  /** Every registration with its producers, read live: one pass, before the next change. */
  *entries(): Generator<readonly [Registration, Iterable<Producer>], void, undefined> {
    for (const entry of this.#index) yield [entry, entry.producers.values()];
  }

  /** How many registrations there are, and producers of them, together. What memory grows with. */
  get size(): number {
    return this.#size;
  }

  /** How much each index holds, for tests and metrics; all 0 when everything has been removed. */
  get indexSizes(): { readonly categories: number; readonly keys: number; readonly peers: number } {
    const [byKey, bySubkey] = this.#index.categories;
    return { categories: byKey + bySubkey, keys: this.#scopes.size, peers: this.#byPeer.size };
  }

  #get({ category, key, subkey }: Registration): Entry | undefined {
    return this.#index.get(category, key, subkey);
  }

  #create(registration: Registration): Entry {
    const { category } = registration;
    const [key, subkey] = [toOwnText(registration.key), toOwnText(registration.subkey)];
    let scope = this.#scopes.get(key);
    if (!scope) this.#scopes.set(key, (scope = { revision: 0, registrations: 0 }));
    scope.registrations++;
    const entry: Entry = { category, key, subkey, scope, producers: new Map() };
    this.#index.add(entry);
    this.#size++;
    return entry;
  }

  #unlink(producer: ProducerRecord<Entry>): void {
    const records = this.#byPeer.get(producer.peer)!; // linked both ways, always
    producer.unlink(records);
    if (records.size === 0) this.#byPeer.delete(producer.peer);
  }

  #touch(entry: Entry): void {
    entry.scope.revision = ++this.#revision;
  }
}

interface Entry extends Registration {
  readonly scope: Scope;
  readonly producers: Map<PeerInfo, ProducerRecord<Entry>>;
}

/** What the registrations of one key share. */
interface Scope {
  revision: number;
  registrations: number;
}
