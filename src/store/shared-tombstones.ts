import type { PeerInfo, Topology } from '../registry/index.js';
import { topicRegistration } from '../registry/index.js';
import type { SharedBatch, SharedTombstone } from './shared-registry.js';

/** Those that are told again with each batch, for who has missed one. */
const TOLD_AGAIN = 100;
/** Those that are kept while nobody can be told, and that are known of others. */
const MAX_KEPT = 10_000;
/** One that is told again has another time only as clocks are read at different moments. */
const SAME_MS = 1000;

const withoutBrackets = (node: string) => node.replace(/^\[(.*)\](:\d+)$/, '$1$2');
const keyOf = (topic: string, node: string) => `${topic} ${node}`;

/** What an operator has written of a topic at a node. */
interface Written {
  readonly topic: string;
  readonly node: string;
  readonly isEnded: boolean;
  /** The lookupd where it was written; undefined for this one. */
  readonly origin: string | undefined;
  atMs: number;
}

/** The tombstones that operators have set and ended, here and elsewhere, which hold for a node wherever it is connected. */
export class SharedTombstones {
  readonly #topology: Topology;
  #own: Written[] = [];
  #untold = 0;
  /** What was written last of a topic at a node, wherever that was done. */
  readonly #last = new Map<string, Written>();

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  get hasNews(): boolean {
    return this.#untold > 0;
  }

  /** An operator sets or ends one here. */
  write(topic: string, node: string, isEnded: boolean): void {
    const own = { topic, node: withoutBrackets(node), isEnded, origin: undefined, atMs: this.#topology.clock() };
    this.#note(own);
    this.#own.push(own);
    this.#untold++;
    if (this.#own.length > MAX_KEPT) this.#own.shift();
  }

  /** What is to be told. */
  take(): readonly SharedTombstone[] {
    const told = this.#own.slice(-Math.max(this.#untold, TOLD_AGAIN));
    this.#untold = 0;
    return told.map(toShared);
  }

  /** It could not be told. */
  giveBack(told: readonly SharedTombstone[]): void {
    this.#untold = Math.min(this.#own.length, this.#untold + told.length);
  }

  /** When the topic was tombstoned at the node of that peer; undefined if that was not done, or is over. */
  at(topic: string, { broadcastAddress, httpPort }: PeerInfo): number | undefined {
    if (this.#last.size === 0) return undefined;
    const last = this.#last.get(keyOf(topic, withoutBrackets(`${broadcastAddress}:${httpPort}`)));
    return last?.isEnded === false ? last.atMs : undefined;
  }

  /** Takes in those that another tells of. */
  apply({ origin, tombstones, atMs: toldAtMs }: SharedBatch): void {
    const now = this.#topology.clock();
    for (const [topic, node, writtenAtMs, isEnded = false] of tombstones.slice(-MAX_KEPT)) {
      const atMs = Math.min(now, writtenAtMs + now - toldAtMs);
      const known = this.#last.get(keyOf(topic, node));
      // An origin tells its last alone, so that the other of the two is news, however soon it comes.
      const isOther = known?.origin === origin && known.isEnded !== isEnded;
      if (known && !isOther && atMs - known.atMs <= SAME_MS) continue;
      this.#note({ topic, node, isEnded, origin, atMs });
      this.#apply(topic, node, isEnded ? undefined : atMs);
    }
  }

  /** Forgets those that are over. */
  look(now: number): void {
    const { tombstoneLifetimeMs } = this.#topology.lifetimes;
    this.#own = this.#own.filter(({ atMs }) => now - atMs < tombstoneLifetimeMs);
    this.#untold = Math.min(this.#untold, this.#own.length);
    for (const [key, { atMs }] of this.#last) if (now - atMs >= tombstoneLifetimeMs) this.#last.delete(key);
  }

  /** The clock was set back: what was done later than now was done now. */
  clockSetBack(now: number): void {
    for (const written of [...this.#own, ...this.#last.values()]) written.atMs = Math.min(written.atMs, now);
  }

  /** Sets the tombstones, or ends those that there are. */
  #apply(topic: string, node: string, atMs: number | undefined): void {
    const { db, clock, lifetimes } = this.#topology;
    const endedMs = Math.min(0, clock() - lifetimes.tombstoneLifetimeMs);
    const registration = topicRegistration(topic);
    for (const peer of db.peersAt(node)) {
      const producer = db.getProducer(registration, peer);
      const { tombstonedAtMs: before = -Infinity } = producer ?? {};
      const isNews = atMs === undefined ? before > endedMs : atMs - before > SAME_MS;
      if (producer && isNews) db.tombstone(registration, peer, atMs ?? endedMs);
    }
  }

  /** Keeps it instead of what was written before, of which nothing more is told. */
  #note(written: Written): void {
    const key = keyOf(written.topic, written.node);
    const before = this.#last.get(key);
    const index = before?.origin === undefined ? this.#own.findIndex((own) => own === before) : -1;
    if (index >= 0) {
      if (index >= this.#own.length - this.#untold) this.#untold--;
      this.#own.splice(index, 1);
    }
    this.#last.delete(key);
    this.#last.set(key, written);
    if (this.#last.size > MAX_KEPT) this.#last.delete(this.#last.keys().next().value!);
  }
}

function toShared({ topic, node, atMs, isEnded }: Written): SharedTombstone {
  return isEnded ? [topic, node, atMs, true] : [topic, node, atMs];
}
