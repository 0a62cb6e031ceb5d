/**
 * A peer (an nsqd) as it told about itself with IDENTIFY. The registry knows a peer by this object, not by
 * a field of it: two connections with the same addresses are two peers.
 */
export interface PeerInfo {
  /** Names the connection in `/debug` and in the log; the remote address, as in nsqlookupd. */
  readonly id: string;
  readonly remoteAddress: string;
  readonly hostname: string;
  readonly broadcastAddress: string;
  readonly tcpPort: number;
  readonly httpPort: number;
  readonly version: string;
  readonly topologyZone: string;
  readonly topologyRegion: string;
  /** When the peer last identified or pinged: milliseconds since 1970, fractions allowed. */
  lastUpdateMs: number;
}
