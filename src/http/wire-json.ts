import { isTombstoned, type PeerInfo, type Producer, type Registration, type Topology } from '../registry/index.js';
import { Shelf, type Budget } from './answer-cache.js';
import { toJson } from './responses.js';
import { SLICE_LENGTH, type Pieces } from './slices.js';

/** What nsqlookupd prints as the time of a tombstone that never was: Go's zero time. */
const NEVER_NS = -6795364578871345152n;

/** How many names are put together at once. */
const BLOCK = 256;

/** Puts peers on the wire. What is known of a peer, and what it carries, is put together once, for as long as it holds. */
export class WireEncoder {
  readonly #topology: Topology;
  readonly #peers: Shelf<PeerInfo, string>;
  readonly #nodes: Shelf<PeerInfo, string>;

  constructor(topology: Topology, budget: Budget) {
    this.#topology = topology;
    this.#peers = new Shelf(budget);
    this.#nodes = new Shelf(budget);
  }

  /** `{"channels":[…],"producers":[…]}` */
  *lookup(topic: string, producers: readonly PeerInfo[], changesAtMs: number): Pieces {
    yield '{"channels":[';
    yield* this.#names('channel', topic);
    yield '],"producers":[';
    let isFirst = true;
    for (const peer of producers) {
      yield `${isFirst ? '' : ','}${this.#open(peer)}}`;
      isFirst = false;
    }
    yield ']}';
    return changesAtMs;
  }

  /** `{"channels":[…]}` */
  *channels(topic: string): Pieces {
    yield '{"channels":[';
    yield* this.#names('channel', topic);
    yield ']}';
    return undefined;
  }

  /** `{"topics":[…]}` */
  *topics(): Pieces {
    yield '{"topics":[';
    yield* this.#names('topic', '*');
    yield ']}';
    return undefined;
  }

  /** `{"producers":[…]}`, each with its tombstones and topics. */
  *nodes(): Pieces {
    const { db, clock, lifetimes } = this.#topology;
    let changesAtMs = Infinity;
    let isFirst = true;
    yield '{"producers":[';
    for (const peer of this.#topology.nodePeers()) {
      const revision = db.revisionOfPeer(peer);
      if (revision === 0) continue; // it has left meanwhile
      if (!isFirst) yield ',';
      isFirst = false;
      const now = clock();
      const kept = this.#nodes.get(peer, revision, now);
      const silentAtMs = peer.lastUpdateMs + lifetimes.inactiveProducerTimeoutMs;
      if (kept) yield kept.value;
      const shownAtMs = kept ? kept.changesAtMs : yield* this.#node(peer, revision, now);
      changesAtMs = Math.min(changesAtMs, silentAtMs, shownAtMs);
    }
    yield ']}';
    return changesAtMs;
  }

  /** A node; kept if it is short. Answers when time alone will change it. */
  *#node(peer: PeerInfo, revision: number, madeAtMs: number): Generator<string, number, undefined> {
    const { db, lifetimes } = this.#topology;
    const topics: string[] = [];
    let most = db.countRegistrationsOf(peer); // a peer may go on registering while this is read
    let changesAtMs = Infinity;
    let text = `${this.#open(peer)},"tombstones":[`;
    let isShort = true;
    for (const { topic, producer } of db.topicsOf(peer)) {
      if (most-- === 0) break;
      const isHidden = isTombstoned(producer, madeAtMs, lifetimes.tombstoneLifetimeMs);
      if (isHidden) changesAtMs = Math.min(changesAtMs, producer.tombstonedAtMs! + lifetimes.tombstoneLifetimeMs);
      text += `${topics.length === 0 ? '' : ','}${isHidden}`;
      topics.push(topic);
      if (topics.length % BLOCK !== 0 || topics.length < SLICE_LENGTH / 32) continue;
      yield text;
      text = '';
      isShort = false;
    }
    text += '],"topics":[';
    for (let i = 0; i < topics.length; i += BLOCK) {
      const block = toJson(topics.slice(i, i + BLOCK)).slice(1, -1);
      text += i === 0 ? block : `,${block}`;
      if (isShort && text.length < SLICE_LENGTH) continue;
      yield text;
      text = '';
      isShort = false;
    }
    text += ']}';
    yield text;
    if (isShort) this.#nodes.set(peer, { value: text, revision, madeAtMs, changesAtMs }, text.length);
    return changesAtMs;
  }

  /** The names of topics, or of the channels of a topic, with commas between them. */
  *#names(category: 'topic' | 'channel', topic: string): Generator<string, void, undefined> {
    let isFirst = true;
    let names: string[] = [];
    const block = () => {
      const text = toJson(names).slice(1, -1);
      names = [];
      const comma = isFirst ? '' : ',';
      isFirst = false;
      return comma + text;
    };
    for (const { key, subkey } of this.#topology.db.eachRegistration(
      category,
      topic,
      category === 'topic' ? '' : '*',
    )) {
      if (names.push(category === 'topic' ? key : subkey) === BLOCK) yield block();
    }
    if (names.length > 0) yield block();
  }

  /** A peer's object without its end. */
  #open(peer: PeerInfo): string {
    const kept = this.#peers.get(peer, 0, 0);
    if (kept) return kept.value;
    const text = toJson(toPeer(peer)).slice(0, -1);
    this.#peers.set(peer, { value: text, revision: 0, madeAtMs: 0, changesAtMs: Infinity }, text.length);
    return text;
  }
}

/** The whole registry. Times are nanoseconds, which pass 2^53, so that the text is put together by hand. */
export function* registryToJson(db: Topology['db']): Pieces {
  let isFirst = true;
  yield '{';
  for (const [registration, producers] of db.entries()) {
    const { category, key, subkey }: Registration = registration;
    let most = db.countProducers(registration); // more may come while this is read
    let isEmpty = true;
    for (const producer of producers) {
      if (most-- === 0) break;
      const name = isEmpty ? `${isFirst ? '' : ','}${toJson(`${category}:${key}:${subkey}`)}:[` : ',';
      isEmpty = isFirst = false;
      yield name + producerToJson(producer);
    }
    yield isEmpty ? '' : ']';
  }
  yield '}';
  return undefined;
}

function producerToJson({ peer, tombstonedAtMs }: Producer): string {
  const tombstonedAtNs = tombstonedAtMs === undefined ? NEVER_NS : toNanoseconds(tombstonedAtMs);
  return toJson({
    broadcast_address: peer.broadcastAddress,
    hostname: peer.hostname,
    http_port: peer.httpPort,
    id: peer.id,
    last_update: 0,
    tcp_port: peer.tcpPort,
    tombstoned: tombstonedAtMs !== undefined,
    tombstoned_at: 0,
    topology_region: peer.topologyRegion,
    topology_zone: peer.topologyZone,
    version: peer.version,
  })
    .replace('"last_update":0', `"last_update":${toNanoseconds(peer.lastUpdateMs)}`)
    .replace('"tombstoned_at":0', `"tombstoned_at":${tombstonedAtNs}`);
}

function toPeer(peer: PeerInfo) {
  return {
    remote_address: peer.remoteAddress,
    hostname: peer.hostname,
    broadcast_address: peer.broadcastAddress,
    tcp_port: peer.tcpPort,
    http_port: peer.httpPort,
    version: peer.version,
    topology_zone: peer.topologyZone,
    topology_region: peer.topologyRegion,
  };
}

function toNanoseconds(ms: number): bigint {
  const wholeMs = Math.floor(ms);
  return BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((ms - wholeMs) * 1e6));
}
