import type { LookupResult, PeerInfo, Producer, Registration, TopologyNode } from '../registry/index.js';
import { toJson } from './responses.js';

/** What nsqlookupd prints as the time of a tombstone that never was: Go's zero time. */
const NEVER_NS = -6795364578871345152n;

/** Puts peers on the wire. What does not change about a peer is put together once. */
export class WireEncoder {
  readonly #peers = new WeakMap<PeerInfo, string>();

  lookup({ channels, producers }: LookupResult): string {
    const peers = producers.map((peer) => `${this.#open(peer)}}`);
    return `{"channels":${toJson(channels)},"producers":[${peers.join(',')}]}`;
  }

  nodes(nodes: readonly TopologyNode[]): string {
    const producers = nodes.map(({ peer, topics }) => {
      const tombstones = toJson(topics.map(({ isTombstoned }) => isTombstoned));
      return `${this.#open(peer)},"tombstones":${tombstones},"topics":${toJson(topics.map(({ topic }) => topic))}}`;
    });
    return `{"producers":[${producers.join(',')}]}`;
  }

  /** A peer's object without its end. */
  #open(peer: PeerInfo): string {
    let text = this.#peers.get(peer);
    if (text === undefined) this.#peers.set(peer, (text = toJson(toPeer(peer)).slice(0, -1)));
    return text;
  }
}

const CHUNK_LENGTH = 64 * 1024;

/**
 * The whole registry, in chunks of about 64 KiB, as it may be large. Times are nanoseconds, which pass 2^53, so that
 * the text is put together by hand.
 */
export function* registryToJson(
  entries: Iterable<readonly [Registration, Iterable<Producer>]>,
): Generator<string, void, undefined> {
  let text = '{';
  let isFirst = true;
  for (const [{ category, key, subkey }, producers] of entries) {
    let isEmpty = true;
    for (const producer of producers) {
      if (isEmpty) text += `${isFirst ? '' : ','}${toJson(`${category}:${key}:${subkey}`)}:[`;
      text += `${isEmpty ? '' : ','}${producerToJson(producer)}`;
      isEmpty = isFirst = false;
      if (text.length < CHUNK_LENGTH) continue;
      yield text;
      text = '';
    }
    if (!isEmpty) text += ']';
  }
  yield `${text}}`;
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
