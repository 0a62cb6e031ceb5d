import { concat } from '../base/bytes.js';
import type { PeerInfo, Topology, TopologyNode } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import { sharedRevision, type KeptCache } from './kept-cache.js';
import { json, kept } from './responses.js';
import { BYTES_PER_STEP, toBody } from './slices.js';
import { nodeParts } from './wire-json.js';

/** A node that carries more topics and channels is told of part by part, and nothing of it is kept. */
const MAX_KEPT_REGISTRATIONS = 1000;

/** What is kept with the text: the peer itself, which may have left. */
const PEER_BYTES = 1000;

/** To make so much of a node's text is a step of work. */
const TEXT_BYTES_PER_STEP = 128;

const OPEN = '{"producers":[';
const CLOSE = ']}';

/** To find what is kept of so many is a step. */
const NODES_PER_STEP = 4;

interface KeptNode {
  /** After a comma. */
  readonly bytes: Uint8Array;
  readonly changesAtMs: number;
}

/**
 * Makes the answer to `/nodes`. What is told of a node is kept until that changes. An answer that is asked for again while nothing
 * changes is kept whole, if there is room: all who read it share its bytes. `openOf` gives the beginning of a peer's object.
 */
export function createNodesAnswer(
  topology: Topology,
  cache: KeptCache,
  openOf: (peer: PeerInfo) => string,
): () => HttpResponse {
  const { db, work, lifetimes } = topology;
  const encoder = new TextEncoder();
  let askedAt = 0;
  const revisionNow = () => sharedRevision(db, db.nodesRevision);

  /** Also of one that has fallen silent since it was found to be a node: it is to be told of no longer. */
  const changesAt = ({ peer, changesAtMs }: TopologyNode) =>
    Math.min(changesAtMs, peer.lastUpdateMs + lifetimes.inactiveProducerTimeoutMs);

  const knownNode = (peer: PeerInfo) => cache.get(peer, db.revisionOfPeer(peer)) as KeptNode | undefined;

  const keptNode = (peer: PeerInfo): KeptNode => {
    const known = knownNode(peer);
    if (known) return known;
    const node = topology.node(peer);
    const bytes = encoder.encode([...nodeParts(`,${openOf(peer)}`, node)].join(''));
    work.spend(bytes.length / TEXT_BYTES_PER_STEP);
    const changesAtMs = changesAt(node);
    const made = { bytes, changesAtMs };
    cache.set(peer, db.revisionOfPeer(peer), { value: made, bytes: bytes.length + PEER_BYTES, changesAtMs });
    return made;
  };

  const keep = (body: Uint8Array, revision: number, changesAtMs: number): HttpResponse => {
    const response = json(body);
    cache.set('nodes', revision, { value: response, bytes: body.length, changesAtMs });
    return kept(response, () => cache.get('nodes', revisionNow()) === response);
  };

  /** All of it, if what is told of each node is kept, and it is little enough to be kept twice. */
  const whole = (revision: number): HttpResponse | undefined => {
    const peers = topology.nodePeers();
    const nodes = db.broughtCount > 0 ? [] : peers.map(knownNode).filter((node) => node !== undefined);
    const bytes = nodes.reduce((sum, node) => sum + node.bytes.length, 0);
    work.spend(peers.length / NODES_PER_STEP + bytes / BYTES_PER_STEP);
    if (nodes.length === 0 || nodes.length < peers.length || !cache.hasRoomFor(bytes)) return undefined;
    const [first, ...others] = nodes.map((node) => node.bytes);
    const body = concat([encoder.encode(OPEN), first!.subarray(1), ...others, encoder.encode(CLOSE)]);
    return keep(
      body,
      revision,
      nodes.reduce((ms, node) => Math.min(ms, node.changesAtMs), Infinity),
    );
  };

  function* reading(peer: PeerInfo): Generator<string, TopologyNode, undefined> {
    const steps = topology.readingNode(peer);
    for (;;) {
      const next = steps.next();
      if (next.done === true) return next.value;
      yield '';
    }
  }

  function* parts(
    peers: readonly PeerInfo[],
    seen: (changesAtMs: number) => void,
  ): Generator<string | Uint8Array, void, undefined> {
    let isFirst = true;
    const afterComma = (bytes: Uint8Array) => (isFirst ? bytes.subarray(1) : bytes);
    yield OPEN;
    for (const peer of peers) {
      if (db.revisionOfPeer(peer) === 0) continue; // it has left meanwhile
      const isLong = db.countRegistrationsOf(peer) > MAX_KEPT_REGISTRATIONS;
      // What others hold of it has revisions of its own.
      if (isLong || topology.copiesOf(peer).length > 1) {
        const node = isLong ? yield* reading(peer) : topology.node(peer);
        seen(changesAt(node));
        yield* nodeParts(`${isFirst ? '' : ','}${openOf(peer)}`, node);
      } else {
        const node = keptNode(peer);
        seen(node.changesAtMs);
        yield afterComma(node.bytes);
      }
      isFirst = false;
    }
    yield CLOSE;
  }

  return () => {
    const revision = revisionNow();
    const known = cache.get('nodes', revision) as HttpResponse | undefined;
    if (known) return known;
    const again = revision === askedAt ? whole(revision) : undefined;
    if (again) return again;
    askedAt = revision;
    let changesAtMs = Infinity;
    const seen = (atMs: number) => (changesAtMs = Math.min(changesAtMs, atMs));
    const body = toBody(parts(topology.nodePeers(), seen), work);
    return body instanceof Uint8Array ? keep(body, revision, changesAtMs) : json(body);
  };
}
