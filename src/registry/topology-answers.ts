import type { PeerInfo } from './peer-info.js';

/** Who carries a topic. */
export interface ActiveProducers {
  /** The active producers. */
  readonly producers: readonly PeerInfo[];
  /** When time alone will next change the producers, unless they ping: in milliseconds since 1970, or Infinity. */
  readonly changesAtMs: number;
}

/** Where a topic lives. */
export interface LookupResult extends ActiveProducers {
  /** The topic's channels, in the order in which they came. */
  readonly channels: readonly string[];
}

/** A peer and the topics that it carries. */
export interface TopologyNode {
  /** The peer, as it identified itself. */
  readonly peer: PeerInfo;
  /** Each topic that it is a producer of, and whether a tombstone hides it there now. */
  readonly topics: readonly { readonly topic: string; readonly isTombstoned: boolean }[];
  /** When time alone will next change this, unless the peer pings: in milliseconds since 1970, or Infinity. */
  readonly changesAtMs: number;
}

/** What an operator writes; a `channel` of `''` is the topic itself. */
export type OperatorWrite =
  | { readonly type: 'create' | 'delete'; readonly topic: string; readonly channel: string }
  | { readonly type: 'tombstone' | 'untombstone'; readonly topic: string; readonly node: string };
