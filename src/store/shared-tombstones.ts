import type { Steps } from '../base/work-queue.js';
import type { PeerInfo, Topology } from '../registry/index.js';
import { topicRegistration } from '../registry/index.js';
import type { SharedBatch, SharedTombstone } from './shared-registry.js';

/** Those that are told again with each batch, for who has missed one. */
const TOLD_AGAIN = 100;
/** Those that are kept while nobody can be told, and that are known of others. */
const MAX_KEPT = 10_000;
/** One that is told again has another time only as clocks are read at different moments. */
const SAME_MS = 1000;
/** What it costs to set or end one, in steps of work. */
const STEPS = 4;

const withoutBrackets = (node: string) => node.replace(/^\[(.*)\](:\d+)$/, '$1$2');
const keyOf = (topic: string, node: string) => `${topic} ${node}`;

/** What an operator has written of a topic at a node. */
interface Written {
  readonly topic: string;
  readonly node: string;
  readonly isEnded: boolean;
  readonly isOwn: boolean;
  /** In logical time: whatever is written by who knows of it is later. */
  readonly at: number;
  atMs: number;
}

/** The tombstones that operators have set and ended, here and elsewhere, which hold for a node wherever it is connected. */
export class SharedTombstones {
  readonly #topology: Topology;
  /** Its own that are to be told, and some of those that have been; none of which another has written something later. */
  readonly #untold = new Map<string, Written>();
  readonly #told = new Map<string, Written>();
  /** What was written last of a topic at a node, wherever that was done. */
  readonly #last = new Map<string, Written>();
  #at = 0;

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  get hasNews(): boolean {
    return this.#untold.size > 0;
  }

  /** An operator sets or ends one here. */
  write(topic: string, node: string, isEnded: boolean): void {
    const atMs = this.#topology.clock();
    // Not before the time by the clock: one that has just been started knows of nothing.
    this.#at = Math.max(this.#at + 1, Math.floor(atMs));
    const own = { topic, node: withoutBrackets(node), isEnded, isOwn: true, at: this.#at, atMs };
    this.#note(own);
    this.#untold.set(keyOf(topic, own.node), own);
    trim(this.#untold, MAX_KEPT);
  }

  /** What is to be told. */
  take(): readonly SharedTombstone[] {
    const told = [...this.#told.values(), ...this.#untold.values()].slice(-Math.max(this.#untold.size, TOLD_AGAIN));
    for (const [key, own] of this.#untold) this.#told.set(key, own);
    this.#untold.clear();
    trim(this.#told, TOLD_AGAIN);
    return told.map(({ topic, node, atMs, isEnded, at }) => [topic, node, atMs, isEnded, at]);
  }

  /** It could not be told. */
  giveBack(told: readonly SharedTombstone[]): void {
    for (const [topic, node] of told) {
      const key = keyOf(topic, node);
      const last = this.#last.get(key);
      if (last?.isOwn !== true) continue;
      this.#told.delete(key);
      this.#untold.set(key, last);
    }
  }

  /** When the topic was tombstoned at the node of that peer; undefined if that was not done, or is over. */
  at(topic: string, { broadcastAddress, httpPort }: PeerInfo): number | undefined {
    if (this.#last.size === 0) return undefined;
    const last = this.#last.get(keyOf(topic, withoutBrackets(`${broadcastAddress}:${httpPort}`)));
    return last?.isEnded === false ? last.atMs : undefined;
  }

  /** Takes in those that another tells of. */
  *apply({ tombstones, atMs: toldAtMs }: SharedBatch): Steps {
    const byMs = this.#topology.clock() - toldAtMs;
    for (const [topic, node, writtenAtMs, isEnded = false, writtenAt] of tombstones.slice(-MAX_KEPT)) {
      const atMs = Math.min(this.#topology.clock(), writtenAtMs + byMs);
      const written = { topic, node, isEnded, isOwn: false, at: writtenAt ?? Math.max(0, Math.floor(atMs)), atMs };
      this.#at = Math.max(this.#at, written.at);
      const known = this.#last.get(keyOf(topic, node));
      if (known && !isLater(written, known)) continue;
      this.#note(written);
      yield* this.#apply(written);
      yield STEPS;
    }
  }

  /** Forgets those that are over. */
  look(now: number): void {
    const { tombstoneLifetimeMs } = this.#topology.lifetimes;
    for (const all of [this.#untold, this.#told, this.#last])
      for (const [key, { atMs }] of all) if (now - atMs >= tombstoneLifetimeMs) all.delete(key);
  }

  /** The clock was set back: what was done later than now was done now. */
  clockSetBack(now: number): void {
    for (const all of [this.#untold, this.#told, this.#last])
      for (const written of all.values()) written.atMs = Math.min(written.atMs, now);
  }

  /** Sets the tombstones, or ends those that there are. */
  *#apply(written: Written): Steps {
    const { topic, node, isEnded, atMs } = written;
    const { db, clock, lifetimes } = this.#topology;
    const registration = topicRegistration(topic);
    for (const peer of db.peersAt(node)) {
      if (this.#last.get(keyOf(topic, node)) !== written) return; // something else was written meanwhile
      const endedMs = Math.min(0, clock() - lifetimes.tombstoneLifetimeMs);
      const producer = db.getProducer(registration, peer);
      const { tombstonedAtMs: before = -Infinity } = producer ?? {};
      const isNews = isEnded ? before > endedMs : atMs - before > SAME_MS;
      if (producer && isNews) db.tombstone(registration, peer, isEnded ? endedMs : atMs);
      yield STEPS;
    }
  }

  /** Keeps it instead of what was written before, of which nothing more is told. */
  #note(written: Written): void {
    const key = keyOf(written.topic, written.node);
    for (const all of [this.#untold, this.#told, this.#last]) all.delete(key);
    this.#last.set(key, written);
    trim(this.#last, MAX_KEPT);
  }
}

/** Of two that were written at once, the one that ends it counts. */
function isLater(one: Written, other: Written): boolean {
  return one.at > other.at || (one.at === other.at && one.isEnded && !other.isEnded);
}

function trim(all: Map<string, Written>, most: number): void {
  for (const key of all.keys()) {
    if (all.size <= most) return;
    all.delete(key);
  }
}
