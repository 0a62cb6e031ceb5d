import { concat } from '../base/bytes.js';
import { CLIENT, type Category, type Change, type RegistrationDB } from '../registry/index.js';
import { fromPeer, fromRegistration, toChangeJson, type PeerJson } from './change-json.js';
import type { Feed } from './feed.js';
import { toEvent } from './sse.js';

/** A part of a registry, as one JSON object, in `/watch`. */
export interface SnapshotPartJson {
  /** From 1 on; with 1 what was known before is to be forgotten. */
  readonly part: number;
  /** Whether it is the last; the changes follow. */
  readonly is_last: boolean;
  /** By key: the peers that are in no part before, and those that have changed since. */
  readonly peers: Readonly<Record<string, PeerJson>>;
  /** Registrations with their producers, each a peer by key. One with many is in several parts, with some in each. */
  readonly registrations: readonly SnapshotRegistrationJson[];
}

/** A registration in a part. */
export interface SnapshotRegistrationJson {
  /** `client`, `topic` or `channel`. */
  readonly category: Category;
  /** The topic, or `''` for a client. */
  readonly topic: string;
  /** The channel, or `''`. */
  readonly channel: string;
  /** Whether it was made without a producer, as an operator does. */
  readonly is_made: boolean;
  /** Who produces; with when it was tombstoned, in milliseconds since 1970. */
  readonly producers: readonly { readonly peer_key: string; readonly tombstoned_at_ms?: number }[];
}

/** How much of a registry a part has, in registrations and producers. */
const ITEMS_A_PART = 500;
const STEPS_AN_ITEM = 4;
/** The most changes that are sent as one piece. */
const CHANGES_AT_ONCE = 500;
/** A snapshot that is not read by then is given up: it holds on to what has changed meanwhile. */
const SNAPSHOT_MS = 300_000;

/** Changes as they are sent: what follows an index, encoded once for all who are at it. */
export class ChangeEvents {
  readonly #feed: Feed;
  #known: { readonly after: string; readonly now: string; readonly next: NextChanges | undefined } | undefined;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  /** Some of the changes after an index; undefined if there are none; `gone` if they are not to be had. */
  after(index: string): NextChanges | 'gone' | undefined {
    const now = this.#feed.index;
    if (this.#known?.after === index && this.#known.now === now) return this.#known.next;
    const replay = this.#feed.since(index, CHANGES_AT_ONCE);
    if (replay.isGone) return 'gone';
    const next = this.#encode(replay.changes);
    this.#known = { after: index, now, next };
    return next;
  }

  #encode(changes: readonly Change[]): NextChanges | undefined {
    const last = changes.at(-1);
    if (!last) return undefined;
    const offsetMs = toOffsetMs(this.#feed);
    const events = changes.map((change) => {
      const id = this.#feed.indexOf(change.revision);
      return toEvent('change', id, JSON.stringify(toChangeJson(change, offsetMs)));
    });
    return {
      bytes: concat(events),
      index: this.#feed.indexOf(last.revision),
      isMore: changes.length === CHANGES_AT_ONCE,
    };
  }
}

interface NextChanges {
  readonly bytes: Uint8Array;
  /** After them. */
  readonly index: string;
  /** Whether there may be more. */
  readonly isMore: boolean;
}

/** What one watcher of the whole registry gets: a snapshot in parts, then every change, in order; a new snapshot when it fell behind. */
export class RegistryEvents {
  readonly #feed: Feed;
  readonly #changes: ChangeEvents;
  readonly #wake: () => void;
  readonly #end: () => void;
  #index: string;
  #parts: Iterator<Uint8Array, void, undefined> | undefined;
  #endsAtMs = 0;
  #isPausing = false;

  /** `index`: after what the client knows; `''` for nothing. */
  constructor(feed: Feed, changes: ChangeEvents, index: string, wake: () => void, end: () => void) {
    this.#feed = feed;
    this.#changes = changes;
    this.#index = index;
    this.#wake = wake;
    this.#end = end;
  }

  /** What is new, if anything is. */
  readonly take = (): Uint8Array | undefined => {
    if (this.#isPausing) return undefined;
    if (!this.#parts) {
      const next = this.#changes.after(this.#index);
      if (next !== 'gone') return this.#takeChanges(next);
      this.#index = this.#feed.index;
      this.#parts = this.#snapshot(this.#index);
      this.#endsAtMs = this.#feed.topology.clock() + SNAPSHOT_MS;
    }
    if (this.#feed.topology.clock() > this.#endsAtMs) {
      this.#end();
      return undefined;
    }
    const next = this.#parts.next();
    this.#pause();
    if (next.done !== true) return next.value;
    this.#parts = undefined;
    return undefined;
  };

  /** Others have their turn before the next part is made. */
  #pause(): void {
    this.#isPausing = true;
    void this.#feed.topology.work.turn(ITEMS_A_PART * STEPS_AN_ITEM).then(() => {
      this.#isPausing = false;
      this.#wake();
    });
  }

  #takeChanges(next: NextChanges | undefined): Uint8Array | undefined {
    if (!next) return undefined;
    this.#index = next.index;
    if (next.isMore) this.#pause();
    return next.bytes;
  }

  /** As it is while it is read; what changes meanwhile follows as changes, which make it what it is then. */
  *#snapshot(index: string): Generator<Uint8Array, void, undefined> {
    const { db } = this.#feed.topology;
    const offsetMs = toOffsetMs(this.#feed);
    const { revision } = db;
    let part = 0;
    let items = 0;
    let peers: Record<string, PeerJson> = {};
    let registrations: SnapshotRegistrationJson[] = [];
    const toPart = (isLast: boolean): Uint8Array => {
      const json: SnapshotPartJson = { part: ++part, is_last: isLast, peers, registrations };
      items = 0;
      peers = {};
      registrations = [];
      return toEvent('snapshot', isLast ? index : undefined, JSON.stringify(json));
    };
    for (const [registration, all] of peersFirst(db)) {
      const isFirst = registration.category === CLIENT.category;
      const { category, topic, channel } = fromRegistration(registration);
      const { isMade: is_made } = registration;
      let producers: { peer_key: string; tombstoned_at_ms?: number }[] = [];
      for (const producer of all) {
        const { peer, tombstonedAtMs } = producer;
        // It may have gone since the last part, as may all of the registration.
        if (db.getProducer(registration, peer) === producer) {
          const key = db.keyOf(peer)!;
          // Those that have identified themselves were told first, unless they came later.
          if (isFirst || db.revisionOfPeer(peer) > revision || !db.getProducer(CLIENT, peer))
            peers[key] = fromPeer(peer, offsetMs);
          const atMs = tombstonedAtMs !== undefined && { tombstoned_at_ms: tombstonedAtMs + offsetMs };
          producers.push({ peer_key: key, ...atMs });
        }
        if (++items < ITEMS_A_PART) continue;
        registrations.push({ category, topic, channel, is_made, producers });
        producers = [];
        yield toPart(false);
      }
      registrations.push({ category, topic, channel, is_made, producers });
      if (++items >= ITEMS_A_PART) yield toPart(false);
    }
    yield toPart(true);
  }
}

/** All registrations, the one of all peers in front. */
function* peersFirst(db: RegistrationDB): ReturnType<RegistrationDB['entries']> {
  if (db.hasRegistration(CLIENT)) yield [{ ...CLIENT, isMade: db.isMade(CLIENT) }, db.producersOf(CLIENT)];
  for (const entry of db.entries()) if (entry[0].category !== CLIENT.category) yield entry;
}

/** From the topology's clock to the system's. */
function toOffsetMs({ topology }: Feed): number {
  const now = topology.clock();
  return topology.toWallMs(now) - now;
}
