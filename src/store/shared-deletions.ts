import type { Steps } from '../base/work-queue.js';
import { ANY, type OperatorWrite, type PeerInfo, type Registration, type Topology } from '../registry/index.js';
import { bringRegistration } from './bringing.js';
import { isName } from './shared-fields.js';
import { SharedNames, toName, toRegistration } from './shared-names.js';
import type { NameRecord } from './shared-registry.js';

/** So many names are gone through at once. */
const AT_ONCE = 100;
/** What a name costs, in steps of work. */
const STEPS = 4;

/** Since when a peer is a producer of something, in logical time; 0 if it is none. */
export type ClaimAt = (peer: PeerInfo, registration: Registration) => number;

/** Keeps the registry in step with what is known of names: which topics and channels were made and deleted, here and elsewhere. */
export class SharedDeletions {
  readonly #names = new SharedNames();
  readonly #topology: Topology;
  readonly #claimAt: ClaimAt;
  readonly #dirty = new Set<string>();
  #forgotten: string[] = [];

  constructor(topology: Topology, claimAt: ClaimAt) {
    this.#topology = topology;
    this.#claimAt = claimAt;
  }

  get hasNews(): boolean {
    return this.#dirty.size > 0;
  }

  /** The next logical time. */
  next(): number {
    return this.#names.next();
  }

  /** There was one when this began: made before all that others know. */
  found(registration: Registration): void {
    this.#note([toName(registration), 1, 0, 0]);
  }

  /** An operator's write, which comes before the changes that it makes. */
  written(write: Extract<OperatorWrite, { channel: string }>): void {
    const name = toName({ category: 'topic', key: write.topic, subkey: write.channel });
    if (!isName(name)) return;
    const at = this.#names.next();
    if (write.type === 'delete') this.#note([name, 0, at, 0]);
    else if (this.#topology.db.hasRegistration(toRegistration(name))) this.#note([name, at, 0, 0]);
  }

  /** It was added here, and nobody else has told of it. */
  added(registration: Registration): void {
    if (registration.category === 'client' || !isName(toName(registration))) return;
    this.#note([toName(registration), this.#names.next(), 0, 0]);
  }

  /** It is here no longer; `isTold`: as another has told so. */
  removed(registration: Registration, isTold: boolean): void {
    const name = toName(registration);
    if (!this.#names.isMade(name)) return;
    const [, madeAt] = this.#names.record(name);
    const deletedAt = this.#names.deletedAt(name);
    const isKnown = deletedAt >= madeAt;
    this.#names.merge([name, 0, 0, isKnown ? deletedAt : this.#names.next()], this.#topology.clock());
    if (!isTold || !isKnown) this.#dirty.add(name);
  }

  /** Some of what is to be told. */
  take(most: number): { readonly names: readonly NameRecord[]; readonly forgotten: readonly string[] } {
    const names: NameRecord[] = [];
    for (const name of this.#dirty) {
      if (names.length === most) break;
      this.#dirty.delete(name);
      names.push(this.#names.record(name));
    }
    return { names, forgotten: this.#forgotten.splice(0, most) };
  }

  /** It could not be told. */
  giveBack(names: readonly NameRecord[], forgotten: readonly string[]): void {
    for (const [name] of names) this.#dirty.add(name);
    this.#forgotten.push(...forgotten);
  }

  /** Those are known to others: times that are handed out from now on are later. */
  async seen(records: readonly NameRecord[]): Promise<void> {
    await this.#each(records, ([, ...times]) => this.#names.seen(Math.max(...times)));
  }

  /** Of all names that are known here, those that are later than what is kept are to be told. */
  async compare(records: readonly NameRecord[]): Promise<void> {
    const kept = new Map<string, NameRecord>();
    await this.#each(records, (record) => void kept.set(record[0], record));
    await this.#each(this.#names.records(), ([name, ...times]) => {
      const [, ...old] = kept.get(name) ?? [name, 0, 0, 0];
      if (times.some((time, i) => time > old[i]!)) this.#dirty.add(name);
    });
  }

  /** Takes in what another tells. */
  *apply(records: readonly NameRecord[]): Steps {
    for (const record of records) {
      yield* this.#apply(record);
      yield STEPS;
    }
  }

  /** Whether what another tells of a producer, since that time, counts: it was not deleted later. */
  judge(registration: Registration, at: number): boolean {
    const name = toName(registration);
    this.#names.seen(at);
    if (at > this.#names.deletedAt(name)) {
      this.#assert(name, at);
      return true;
    }
    this.#dirty.add(name); // whoever says so has not heard of it
    this.#dirty.add(registration.key);
    return false;
  }

  /** Forgets what was deleted before that time. */
  *forget(beforeMs: number): Steps {
    for (const name of this.#names.forget(beforeMs)) {
      this.#forgotten.push(name);
      yield;
    }
  }

  clockSetBack(now: number): void {
    this.#names.clockSetBack(now);
  }

  *#apply(record: NameRecord): Steps {
    const [name] = record;
    const { db, clock } = this.#topology;
    const deletedAt = this.#names.deletedAt(name);
    if (!isName(name) || !this.#names.merge(record, clock())) return;
    const registration = toRegistration(name);
    const isTopicDeleted = registration.category === 'topic' && this.#names.deletedAt(name) > deletedAt;
    const channels = isTopicDeleted ? db.findRegistrations('channel', registration.key, ANY) : [];
    for (const each of [...channels, registration]) yield* this.#settle(each);
  }

  /** Brings the registry in step with what is known of a name, which may have many producers. */
  *#settle(registration: Registration): Steps {
    const { db } = this.#topology;
    const name = toName(registration);
    for (const { peer } of db.producersOf(registration)) {
      const at = this.#claimAt(peer, registration);
      if (at <= this.#names.deletedAt(name)) db.removeProducer(registration, peer);
      else if (!db.isBrought(peer)) this.#assert(name, at);
      yield;
    }
    if (db.countProducers(registration) > 0) return;
    if (!this.#names.isThere(name)) db.removeRegistration(registration);
    else if (!db.hasRegistration(registration)) bringRegistration(this.#topology, registration, false);
  }

  /** Somebody carries it: it is there. */
  #assert(name: string, at: number): void {
    if (!this.#names.isThere(name)) this.#note([name, Math.max(at, this.#names.endedAt(name) + 1), 0, 0]);
  }

  #note(record: NameRecord): void {
    this.#names.merge(record, this.#topology.clock());
    this.#dirty.add(record[0]);
  }

  async #each(records: Iterable<NameRecord>, work: (record: NameRecord) => void): Promise<void> {
    let count = 0;
    for (const record of records) {
      work(record);
      if (++count % AT_ONCE === 0) await this.#topology.work.turn(AT_ONCE);
    }
  }
}
