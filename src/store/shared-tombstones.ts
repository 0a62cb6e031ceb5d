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

/** The tombstones that operators have set, here and elsewhere, which hold for a node wherever it is connected. */
export class SharedTombstones {
  readonly #topology: Topology;
  #own: SharedTombstone[] = [];
  #untold = 0;
  /** When a topic was last tombstoned at a node, wherever that was done. */
  readonly #lastAt = new Map<string, number>();

  constructor(topology: Topology) {
    this.#topology = topology;
  }

  get hasNews(): boolean {
    return this.#untold > 0;
  }

  /** An operator sets one here. */
  set(topic: string, node: string): void {
    const [plain, now] = [withoutBrackets(node), this.#topology.clock()];
    this.#own.push([topic, plain, now]);
    this.#untold++;
    this.#note(keyOf(topic, plain), now);
    if (this.#own.length > MAX_KEPT) this.#own.shift();
  }

  /** What is to be told. */
  take(): readonly SharedTombstone[] {
    const told = this.#own.slice(-Math.max(this.#untold, TOLD_AGAIN));
    this.#untold = 0;
    return told;
  }

  /** It could not be told. */
  giveBack(told: readonly SharedTombstone[]): void {
    this.#untold = Math.min(this.#own.length, this.#untold + told.length);
  }

  /** When the topic was tombstoned at the node of that peer; undefined if that was not done, or is over. */
  at(topic: string, { broadcastAddress, httpPort }: PeerInfo): number | undefined {
    return this.#lastAt.size > 0
      ? this.#lastAt.get(keyOf(topic, withoutBrackets(`${broadcastAddress}:${httpPort}`)))
      : undefined;
  }

  /** Takes in those that another tells of. */
  apply({ tombstones, atMs }: SharedBatch): void {
    const { db, clock } = this.#topology;
    const byMs = clock() - atMs;
    for (const [topic, node, setAtMs] of tombstones.slice(-MAX_KEPT)) {
      const at = Math.min(clock(), setAtMs + byMs);
      const known = this.#lastAt.get(keyOf(topic, node));
      if (known !== undefined && at - known <= SAME_MS) continue;
      this.#note(keyOf(topic, node), at);
      for (const peer of db.peersAt(node)) {
        const producer = db.getProducer(topicRegistration(topic), peer);
        if (producer && at - (producer.tombstonedAtMs ?? -Infinity) > SAME_MS)
          db.tombstone(topicRegistration(topic), peer, at);
      }
    }
  }

  /** Forgets those that are over. */
  look(now: number): void {
    const { tombstoneLifetimeMs } = this.#topology.lifetimes;
    this.#own = this.#own.filter(([, , atMs]) => now - atMs < tombstoneLifetimeMs);
    this.#untold = Math.min(this.#untold, this.#own.length);
    for (const [key, atMs] of this.#lastAt) if (now - atMs >= tombstoneLifetimeMs) this.#lastAt.delete(key);
  }

  /** The clock was set back: what was done later than now was done now. */
  clockSetBack(now: number): void {
    this.#own = this.#own.map(([topic, node, atMs]) => [topic, node, Math.min(atMs, now)]);
    for (const [key, atMs] of this.#lastAt) this.#lastAt.set(key, Math.min(atMs, now));
  }

  #note(key: string, atMs: number): void {
    this.#lastAt.delete(key);
    this.#lastAt.set(key, atMs);
    if (this.#lastAt.size > MAX_KEPT) this.#lastAt.delete(this.#lastAt.keys().next().value!);
  }
}
