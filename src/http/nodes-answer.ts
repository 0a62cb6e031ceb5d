import { concat } from '../base/bytes.js';
import type { PeerInfo, Topology, TopologyNode } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import type { KeptCache } from './kept-cache.js';
import { json, kept } from './responses.js';
import { BYTES_PER_STEP, toBody } from './slices.js';
import { nodeParts } from './wire-json.js';

/** A node that carries more topics and channels is told of part by part, and nothing of it is kept. */
const MAX_KEPT_REGISTRATIONS = 1000;

/** What is kept with the text: the peer itself, which may have left. */
const PEER_BYTES = 1000;

/** To make so much of a node's text is a step of work. */
const TEXT_BYTES_PER_STEP = 128;

/** To find what is kept of so many is a step. */
const NODES_PER_STEP = 4;

/** So much is a run, and what a reader holds who reads no further. */
const RUN_BYTES = 256 * 1024;

interface KeptNode {
  /** After a comma. */
  readonly bytes: Uint8Array;
  readonly changesAtMs: number;
}

/** Some nodes that come one after another, and which comes then. */
interface Run {
  readonly bytes: Uint8Array;
  readonly next: number;
}

/** All nodes in runs, each by its first. */
interface KeptNodes {
  readonly peers: readonly PeerInfo[];
  readonly runs: ReadonlyMap<number, Run>;
  readonly changesAtMs: number;
}

/**
 * Makes the answer to `/nodes`. What is told of a node is kept until that changes. An answer that is asked for again while nothing
 * changes is put together of longer runs, which are kept, too: many parts take longer to send than their bytes. `openOf` gives the
 * beginning of a peer's object.
 */
export function createNodesAnswer(
  topology: Topology,
  cache: KeptCache,
  openOf: (peer: PeerInfo) => string,
): () => HttpResponse {
  const { db, work } = topology;
  const encoder = new TextEncoder();
  let askedAt = 0;

  const knownNode = (peer: PeerInfo) => cache.get(peer, db.revisionOfPeer(peer)) as KeptNode | undefined;
  const knownNodes = (revision: number) => cache.get(knownNodes, revision) as KeptNodes | undefined;

  const keptNode = (peer: PeerInfo): KeptNode => {
    const known = knownNode(peer);
    if (known) return known;
    const node = topology.node(peer);
    const bytes = encoder.encode([...nodeParts(`,${openOf(peer)}`, node)].join(''));
    work.spend(bytes.length / TEXT_BYTES_PER_STEP);
    const made = { bytes, changesAtMs: node.changesAtMs };
    cache.set(peer, db.revisionOfPeer(peer), { ...made, value: made, bytes: bytes.length + PEER_BYTES });
    return made;
  };

  /** All that is kept of nodes as runs, if it is all of them and little enough to be kept twice. */
  const keepNodes = (revision: number): KeptNodes | undefined => {
    const peers = topology.nodePeers();
    const nodes = db.broughtCount > 0 ? [] : peers.map(knownNode).filter((node) => node !== undefined);
    const bytes = nodes.reduce((sum, node) => sum + node.bytes.length, 0);
    work.spend(peers.length / NODES_PER_STEP + bytes / BYTES_PER_STEP);
    if (nodes.length < peers.length || !cache.hasRoomFor(bytes)) return undefined;
    const runs = new Map<number, Run>();
    for (let start = 0, next = 0; start < nodes.length; start = next) {
      const parts: Uint8Array[] = [];
      for (let length = 0; next < nodes.length && length < RUN_BYTES; next++) {
        parts.push(nodes[next]!.bytes);
        length += nodes[next]!.bytes.length;
      }
      runs.set(start, { bytes: concat(parts), next });
    }
    const made = { peers, runs, changesAtMs: nodes.reduce((ms, node) => Math.min(ms, node.changesAtMs), Infinity) };
    cache.set(knownNodes, revision, { ...made, value: made, bytes });
    return made;
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
    // Asked for anew each time, so that nobody who reads slowly is told, or holds, what is stale.
    const runAt = (i: number) => {
      const known = knownNodes(db.nodesRevision);
      if (known?.peers !== peers) return undefined;
      seen(known.changesAtMs);
      return known.runs.get(i);
    };
    let isFirst = true;
    const afterComma = (bytes: Uint8Array) => (isFirst ? bytes.subarray(1) : bytes);
    yield '{"producers":[';
    for (let i = 0, next = 0; i < peers.length; i = next) {
      const peer = peers[i]!;
      const run = runAt(i);
      next = run?.next ?? i + 1;
      if (!run && db.revisionOfPeer(peer) === 0) continue; // it has left meanwhile
      const isLong = db.countRegistrationsOf(peer) > MAX_KEPT_REGISTRATIONS;
      if (run) yield afterComma(run.bytes);
      // What others hold of it has revisions of its own.
      else if (isLong || topology.copiesOf(peer).length > 1) {
        const node = isLong ? yield* reading(peer) : topology.node(peer);
        seen(node.changesAtMs);
        yield* nodeParts(`${isFirst ? '' : ','}${openOf(peer)}`, node);
      } else {
        const node = keptNode(peer);
        seen(node.changesAtMs);
        yield afterComma(node.bytes);
      }
      isFirst = false;
    }
    yield ']}';
  }

  return () => {
    const revision = db.nodesRevision;
    const known = cache.get('nodes', revision) as HttpResponse | undefined;
    if (known) return known;
    const all = knownNodes(revision) ?? (revision === askedAt ? keepNodes(revision) : undefined);
    askedAt = revision;
    let changesAtMs = Infinity;
    const seen = (atMs: number) => (changesAtMs = Math.min(changesAtMs, atMs));
    const body = toBody(parts(all?.peers ?? topology.nodePeers(), seen), work);
    const response = json(body);
    if (!(body instanceof Uint8Array)) return response;
    cache.set('nodes', revision, { value: response, bytes: body.length, changesAtMs });
    return kept(response, () => cache.get('nodes', db.nodesRevision) === response);
  };
}
