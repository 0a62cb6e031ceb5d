import {
  mergeNodes,
  mergeProducers,
  mergeStrings,
  type FoundNode,
  type FoundProducer,
  type WithFailures,
} from './found.js';
import type { Watched } from './watched.js';

/** Where a topic lives, and what is new. */
export interface TopicChange extends WithFailures {
  /** Its channels, sorted. */
  readonly channels: readonly string[];
  /** Who carries it, each once. */
  readonly producers: readonly FoundProducer[];
  /** Those that were not there the last time; at first all. */
  readonly added: readonly FoundProducer[];
  /** Those that are there no more. */
  readonly removed: readonly FoundProducer[];
}

/** The nodes, and what is new. */
export interface NodesChange extends WithFailures {
  /** All that are active, with their topics. */
  readonly nodes: readonly FoundNode[];
  /** Those that were not there the last time; at first all. */
  readonly added: readonly FoundNode[];
  /** Those that carry other topics, or hide others, than the last time. */
  readonly changed: readonly FoundNode[];
  /** Those that are there no more. */
  readonly removed: readonly FoundNode[];
}

const keyOf = ({ broadcastAddress, tcpPort }: FoundProducer) =>
  `${broadcastAddress.replace(/^\[(.*)\]$/, '$1')} ${tcpPort}`;

/** Those of `some` that are not among `others`. */
function without<T extends FoundProducer>(some: readonly T[], others: readonly T[]): T[] {
  const known = new Set(others.map(keyOf));
  return some.filter((producer) => !known.has(keyOf(producer)));
}

/** What is different from the last; undefined if nothing is. */
export function topicChangeSince(last: TopicChange | undefined, watched: Watched): TopicChange | undefined {
  const { said, failures } = watched;
  if (said.length === 0) return undefined;
  const channels = mergeStrings(said, 'channels');
  const producers = mergeProducers(said);
  const added = without(producers, last?.producers ?? []);
  const removed = without(last?.producers ?? [], producers);
  const isSame = last && added.length === 0 && removed.length === 0 && channels.join() === last.channels.join();
  return isSame ? undefined : { channels, producers, added, removed, failures };
}

/** What is different from the last; undefined if nothing is. */
export function nodesChangeSince(last: NodesChange | undefined, watched: Watched): NodesChange | undefined {
  const { said, failures } = watched;
  if (said.length === 0) return undefined;
  const nodes = mergeNodes(said);
  const added = without(nodes, last?.nodes ?? []);
  const removed = without(last?.nodes ?? [], nodes);
  const carried = new Map(last?.nodes.map((node) => [keyOf(node), JSON.stringify(node.topics)]));
  const changed = nodes.filter((node) => {
    const before = carried.get(keyOf(node));
    return before !== undefined && before !== JSON.stringify(node.topics);
  });
  const isSame = last && added.length + removed.length + changed.length === 0;
  return isSame ? undefined : { nodes, added, changed, removed, failures };
}
