import { toWireIdentity } from '../base/identity.js';
import type { PeerInfo, Producer, Registration, Topology, TopologyNode } from '../registry/index.js';
import { toJson } from './responses.js';

/** What nsqlookupd prints as the time of a tombstone that never was: Go's zero time. */
const NEVER_NS = -6795364578871345152n;

/** The items of a JSON list, with commas between them. */
export function* listed(items: Iterable<string>): Generator<string, void, undefined> {
  let comma = '';
  for (const item of items) {
    yield comma + item;
    comma = ',';
  }
}

/** A peer's object, as `/lookup` names it, without its end. */
export function openPeer(peer: PeerInfo): string {
  return toJson({ remote_address: peer.remoteAddress, ...toWireIdentity(peer) }).slice(0, -1);
}

/** A peer's object as `/nodes` names it. */
export function* nodeParts(open: string, { topics }: TopologyNode): Generator<string, void, undefined> {
  yield `${open},"tombstones":[`;
  yield* listed(map(topics, ({ isTombstoned }) => String(isTombstoned)));
  yield '],"topics":[';
  yield* listed(map(topics, ({ topic }) => toJson(topic)));
  yield ']}';
}

export function* map<T, U>(items: Iterable<T>, change: (item: T) => U): Generator<U, void, undefined> {
  for (const item of items) yield change(item);
}

/** The whole registry. Times are nanoseconds, which pass 2^53, so that the text is put together by hand. */
export function* registryParts(topology: Topology): Generator<string, void, undefined> {
  yield '{';
  let comma = '';
  for (const [registration, producers] of topology.db.entries()) {
    let isOpen = false;
    for (const producer of producers) {
      // It may have gone since the last part, as may all of the registration.
      const isThere = topology.db.getProducer(registration, producer.peer) === producer;
      const before = isOpen ? ',' : `${comma}${toJson(nameOf(registration))}:[`;
      yield isThere ? before + producerToJson(producer, topology) : '';
      isOpen ||= isThere;
    }
    if (!isOpen) continue;
    yield ']';
    comma = ',';
  }
  yield '}';
}

function nameOf({ category, key, subkey }: Registration): string {
  return `${category}:${key}:${subkey}`;
}

function producerToJson({ peer, tombstonedAtMs }: Producer, topology: Topology): string {
  const toNs = (clockMs: number) => toNanoseconds(topology.toWallMs(clockMs));
  const { broadcast_address, hostname, http_port, tcp_port, topology_region, topology_zone, version } =
    toWireIdentity(peer);
  return toJson({
    broadcast_address,
    hostname,
    http_port,
    id: peer.id,
    last_update: 0,
    tcp_port,
    tombstoned: tombstonedAtMs !== undefined,
    tombstoned_at: 0,
    topology_region,
    topology_zone,
    version,
  })
    .replace('"last_update":0', `"last_update":${toNs(peer.lastUpdateMs)}`)
    .replace('"tombstoned_at":0', `"tombstoned_at":${tombstonedAtMs === undefined ? NEVER_NS : toNs(tombstonedAtMs)}`);
}

function toNanoseconds(ms: number): bigint {
  const wholeMs = Math.floor(ms);
  return BigInt(wholeMs) * 1_000_000n + BigInt(Math.round((ms - wholeMs) * 1e6));
}
