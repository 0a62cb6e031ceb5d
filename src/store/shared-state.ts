import {
  ANY,
  topicRegistration,
  type Change,
  type OperatorWrite,
  type PeerInfo,
  type Registration,
  type Topology,
} from '../registry/index.js';
import { bringRegistration } from './bringing.js';
import { isName } from './shared-fields.js';
import { SharedNames, toName, toRegistration } from './shared-names.js';
import { OtherLookupd } from './shared-other.js';
import { OwnPeers } from './shared-own.js';
import type { NameRecord, SharedBatch, SharedOrigin } from './shared-registry.js';

/** Of each kind, in one batch. */
const MOST_AT_ONCE = 1000;
/** The tombstones that are told again, for those who have missed a batch. */
const MAX_TOMBSTONES = 100;
/** What a write, or a name, of another costs, in steps of work. */
const STEPS = 4;

type Batch = Omit<SharedBatch, 'origin' | 'number' | 'isFirst'>;

/** What a lookupd shares with others, without what carries it: its changes become batches, and batches of others changes. */
export class SharedState {
  readonly others = new Map<string, OtherLookupd>();
  readonly own: OwnPeers;
  readonly #names = new SharedNames();
  readonly #origin: string;
  readonly #topology: Topology;
  readonly #graceMs: number;
  readonly #onNews: () => void;
  readonly #dirtyNames = new Set<string>();
  #forgotten: string[] = [];
  #tombstones: (readonly [topic: string, node: string, atMs: number])[] = [];
  /** When a topic was last tombstoned at a node, by `topic node`, wherever that was done. */
  readonly #tombstonedAt = new Map<string, number>();
  #isApplying = false;
  #hasTombstones = false;

  constructor(origin: string, topology: Topology, graceMs: number, onNews: () => void) {
    this.#origin = origin;
    this.#topology = topology;
    this.#graceMs = graceMs;
    this.#onNews = onNews;
    this.own = new OwnPeers(topology.db);
  }

  get hasNews(): boolean {
    return this.own.isDirty || this.#dirtyNames.size > 0 || this.#hasTombstones;
  }

  /** Takes in what is there, as made before all that others know. */
  begin(): void {
    const { db } = this.#topology;
    for (const [registration, producers] of db.entries()) {
      if (registration.category !== 'client') this.#note([toName(registration), 1, 0, 0]);
      for (const { peer, tombstonedAtMs } of producers)
        if (!db.isBrought(peer)) this.own.hold(peer, registration, 1, tombstonedAtMs);
    }
  }

  /** Before this lookupd knew of any other, its times meant nothing: what its own peers carry is newer than what others know. */
  beginTogether(records: readonly NameRecord[]): void {
    for (const [, ...times] of records) this.#names.seen(Math.max(...times));
    const { db } = this.#topology;
    const at = this.#names.next();
    for (const [registration, producers] of db.entries()) {
      for (const { peer, tombstonedAtMs } of producers)
        if (!db.isBrought(peer)) this.own.hold(peer, registration, at, tombstonedAtMs);
    }
  }

  /** A change of the registry, whoever made it. */
  changed(change: Change): void {
    const { db } = this.#topology;
    if ('peer' in change && db.isBrought(change.peer)) return;
    if (change.type === 'registrationAdded') this.#added(change.registration);
    else if (change.type === 'registrationRemoved') this.#removed(change.registration);
    else if (change.type === 'producerAdded') this.#held(change.peer, change.registration);
    else if (change.type === 'producerRemoved') this.own.release(change.peer, change.registration);
    else if (change.type === 'producerTombstoned') {
      const at = this.own.claimAt(change.peer, change.registration);
      this.own.hold(change.peer, change.registration, at, change.tombstonedAtMs);
    } else if (change.type === 'peerLeft') this.own.left(change.peer);
    else this.own.look(this.#topology.clock());
    if (this.hasNews) this.#onNews();
  }

  /** An operator's write, which comes before the changes that it makes. */
  written(write: OperatorWrite): void {
    if (this.#isApplying) return;
    if (write.type === 'tombstone') {
      const [node, now] = [write.node.replace(/^\[(.*)\](:\d+)$/, '$1$2'), this.#topology.clock()];
      this.#tombstones.push([write.topic, node, now]);
      this.#tombstonedAt.set(`${write.topic} ${node}`, now);
      this.#tombstones.splice(0, this.#tombstones.length - MAX_TOMBSTONES);
      this.#hasTombstones = true;
    } else {
      const name = toName({ category: 'topic', key: write.topic, subkey: write.channel });
      if (!isName(name)) return;
      const at = this.#names.next();
      if (write.type === 'delete') this.#note([name, 0, at, 0]);
      else if (this.#topology.db.hasRegistration(toRegistration(name))) this.#note([name, at, 0, 0]);
    }
    if (this.hasNews) this.#onNews();
  }

  /** Some of what is to be told. */
  take(): Batch {
    const names = [...this.#dirtyNames].slice(0, MOST_AT_ONCE);
    for (const name of names) this.#dirtyNames.delete(name);
    const own = this.own.take(MOST_AT_ONCE);
    this.#hasTombstones = false;
    return {
      atMs: this.#topology.clock(),
      isWhole: this.own.isWhole,
      own,
      names: names.map((name) => this.#names.record(name)),
      forgotten: this.#forgotten.splice(0, MOST_AT_ONCE),
      tombstones: this.#tombstones,
    };
  }

  /** It could not be told. */
  giveBack({ own, names, forgotten }: Batch): void {
    this.own.giveBack(own);
    for (const [name] of names) this.#dirtyNames.add(name);
    this.#forgotten.push(...forgotten);
    this.#hasTombstones = this.#tombstones.length > 0;
  }

  /** Of all names that are known here, those that are later than what is kept are to be told. */
  async compareNames(records: readonly NameRecord[]): Promise<void> {
    const kept = new Map(records.map((record) => [record[0], record]));
    for (const record of this.#names.records()) {
      const [name, ...times] = record;
      const [, ...old] = kept.get(name) ?? [name, 0, 0, 0];
      if (times.some((time, i) => time > old[i]!)) this.#dirtyNames.add(name);
    }
    await this.applyNames(records);
  }

  async applyNames(records: readonly NameRecord[]): Promise<void> {
    for (const [i, record] of records.entries()) {
      this.#apply(() => this.#applyName(record));
      if (i % 100 === 99) await this.#topology.work.turn(100 * STEPS);
    }
  }

  /** Takes in what another tells. False if something was missed: what is kept of it is to be read. */
  async applyBatch(batch: SharedBatch): Promise<boolean> {
    if (batch.origin === this.#origin) return true;
    const { number } = batch;
    const other = this.others.get(batch.origin);
    if (number === Infinity) {
      if (other) this.gone(other);
      return true;
    }
    await this.applyNames(batch.names);
    this.#applyTombstones(batch);
    if (other && number <= other.number && !other.isGone) return true;
    if (!batch.isFirst && (!other || other.isGone || number !== other.number + 1)) return false;
    const known = other ?? this.#meet(batch.origin);
    this.#heard(known);
    known.number = number;
    if (batch.isFirst) known.beginAnew();
    await this.#applyOwn(known, batch.own, this.#topology.clock() - batch.atMs);
    if (batch.isWhole) this.#apply(() => known.endAnew());
    return true;
  }

  /** Takes in all that is kept of another. */
  async applyOrigin(origin: string, { number, atMs, isWhole, hasLeft, fields }: SharedOrigin): Promise<void> {
    const other = this.others.get(origin) ?? this.#meet(origin);
    const byMs = this.#topology.clock() - atMs;
    this.#heard(other);
    other.beginAnew();
    for await (const some of fields) await this.#applyOwn(other, some, byMs);
    other.number = number;
    if (isWhole) this.#apply(() => other.endAnew());
    if (hasLeft) this.gone(other);
  }

  /** Looks at what time has changed. `areHeard`: whether others would have been heard of, had they said anything. */
  look(leaseMs: number, areHeard: boolean): void {
    const { clock, lifetimes } = this.#topology;
    const now = clock();
    this.own.look(now);
    this.#tombstones = this.#tombstones.filter(([, , atMs]) => now - atMs < lifetimes.tombstoneLifetimeMs);
    for (const [what, atMs] of this.#tombstonedAt)
      if (now - atMs >= lifetimes.tombstoneLifetimeMs) this.#tombstonedAt.delete(what);
    this.#forgotten.push(...this.#names.forget(now - this.#graceMs));
    for (const other of this.others.values()) {
      const silentMs = now - other.heardAtMs;
      if (areHeard && !other.isGone && silentMs > leaseMs) this.gone(other);
      if (other.isGone && silentMs > Math.max(leaseMs, this.#graceMs)) this.#drop(other);
      else this.#apply(() => other.renew(now));
    }
  }

  /** Nothing could be heard until now: who is silent is so from now on. */
  renewLeases(): void {
    const now = this.#topology.clock();
    for (const other of this.others.values()) if (!other.isGone) other.heardAtMs = now;
  }

  /** Another is gone, and its peers will come to others. Those who are there already are what it held. */
  gone(other: OtherLookupd): void {
    const { liveOrigins, db } = this.#topology;
    if (other.isGone) return;
    other.isGone = true;
    liveOrigins.delete(other.origin);
    this.#apply(() => {
      for (const peer of other.peers) {
        for (const copy of this.#topology.copiesOf(peer)) {
          if (copy === peer || (db.isBrought(copy) && this.#otherOf(copy)?.isGone !== false)) continue;
          if (this.own.isSettled(copy) || this.#otherOf(copy)?.isSettled(copy) === true) this.#topology.leave(peer);
          else this.#topology.join(copy);
        }
      }
    });
  }

  #meet(origin: string): OtherLookupd {
    const other = new OtherLookupd(origin, this.#topology, (registration, { at }) => this.#judge(registration, at));
    this.others.set(origin, other);
    return other;
  }

  #heard(other: OtherLookupd): void {
    other.heardAtMs = this.#topology.clock();
    other.isGone = false;
    this.#topology.liveOrigins.add(other.origin);
  }

  #drop(other: OtherLookupd): void {
    this.others.delete(other.origin);
    this.#apply(() => other.drop());
  }

  #otherOf(peer: PeerInfo): OtherLookupd | undefined {
    return this.others.get(this.#topology.db.keyOf(peer)?.replace(/\/\d+$/, '') ?? '');
  }

  async #applyOwn(other: OtherLookupd, writes: SharedBatch['own'], byMs: number): Promise<void> {
    for (let at = 0; at < writes.length; at += 100) {
      const some = writes.slice(at, at + 100);
      this.#apply(() => some.forEach((write) => other.write(write, byMs)));
      await this.#topology.work.turn(some.length * STEPS);
    }
  }

  #applyTombstones({ tombstones, atMs }: SharedBatch): void {
    const { db, clock } = this.#topology;
    for (const [topic, node, setAtMs] of tombstones) {
      const at = Math.min(clock(), clock() + setAtMs - atMs);
      const known = this.#tombstonedAt.get(`${topic} ${node}`);
      if (known !== undefined && at - known <= 1000) continue; // it is told again
      this.#tombstonedAt.set(`${topic} ${node}`, at);
      for (const peer of db.peersAt(node)) {
        const producer = db.getProducer(topicRegistration(topic), peer);
        if (producer && at - (producer.tombstonedAtMs ?? -Infinity) > 1000)
          db.tombstone(topicRegistration(topic), peer, at);
      }
    }
  }

  #applyName(record: NameRecord): void {
    const [name] = record;
    const { db, clock } = this.#topology;
    const deletedAt = this.#names.deletedAt(name);
    if (!isName(name) || !this.#names.merge(record, clock())) return;
    const registration = toRegistration(name);
    const isTopicDeleted = registration.category === 'topic' && this.#names.deletedAt(name) > deletedAt;
    const channels = isTopicDeleted ? db.findRegistrations('channel', registration.key, ANY) : [];
    for (const each of [...channels, registration]) this.#settle(each);
  }

  /** Brings the registry in step with what is known of a name. */
  #settle(registration: Registration): void {
    const { db } = this.#topology;
    const name = toName(registration);
    const deletedAt = this.#names.deletedAt(name);
    let isHeld = false;
    for (const { peer } of [...db.producersOf(registration)]) {
      const at = this.#claimAt(peer, registration);
      if (at <= deletedAt) db.removeProducer(registration, peer);
      else {
        isHeld = true;
        if (!db.isBrought(peer)) this.#assert(name, at);
      }
    }
    if (isHeld) return;
    if (!this.#names.isThere(name)) db.removeRegistration(registration);
    else if (!db.hasRegistration(registration)) bringRegistration(this.#topology, registration, false);
  }

  /** Somebody carries it: it is there. */
  #assert(name: string, at: number): void {
    if (!this.#names.isThere(name)) this.#note([name, Math.max(at, this.#names.endedAt(name) + 1), 0, 0]);
  }

  #judge(registration: Registration, at: number): boolean {
    const name = toName(registration);
    this.#names.seen(at);
    if (at > this.#names.deletedAt(name)) {
      this.#assert(name, at);
      return true;
    }
    this.#dirtyNames.add(name); // whoever says so has not heard of it
    this.#dirtyNames.add(registration.key);
    this.#onNews();
    return false;
  }

  #claimAt(peer: PeerInfo, registration: Registration): number {
    const key = this.#topology.db.keyOf(peer) ?? '';
    if (!this.#topology.db.isBrought(peer)) return this.own.claimAt(peer, registration);
    return this.#otherOf(peer)?.claimAt(Number(/\d+$/.exec(key)), registration) ?? 0;
  }

  /** One of its own peers carries that. One that has come from another lookupd brings its tombstone. */
  #held(peer: PeerInfo, registration: Registration): void {
    this.own.hold(peer, registration, this.#names.next());
    if (registration.category !== 'topic' || this.#tombstonedAt.size === 0 || this.own.hasPinged(peer)) return;
    const node = `${peer.broadcastAddress}:${peer.httpPort}`.replace(/^\[(.*)\](:\d+)$/, '$1$2');
    const at = this.#tombstonedAt.get(`${registration.key} ${node}`);
    if (at !== undefined) this.#topology.db.tombstone(registration, peer, at);
  }

  #added(registration: Registration): void {
    if (this.#isApplying || registration.category === 'client' || !isName(toName(registration))) return;
    this.#note([toName(registration), this.#names.next(), 0, 0]);
  }

  #removed(registration: Registration): void {
    const name = toName(registration);
    if (!this.#names.isMade(name)) return;
    const [, madeAt] = this.#names.record(name);
    const deletedAt = this.#names.deletedAt(name);
    const isKnown = deletedAt >= madeAt;
    this.#names.merge([name, 0, 0, isKnown ? deletedAt : this.#names.next()], this.#topology.clock());
    if (!this.#isApplying || !isKnown) this.#dirtyNames.add(name);
  }

  #note(record: NameRecord): void {
    this.#names.merge(record, this.#topology.clock());
    this.#dirtyNames.add(record[0]);
  }

  /** What the registry tells meanwhile is no news of this lookupd's own. */
  #apply(work: () => void): void {
    this.#isApplying = true;
    try {
      work();
    } finally {
      this.#isApplying = false;
    }
    if (this.hasNews) this.#onNews();
  }
}
