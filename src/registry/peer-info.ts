/**
 * A peer (an nsqd) as it told about itself with IDENTIFY. The registry knows a peer by this object, not by
 * a field of it: two connections with the same addresses are two peers.
 */
export interface PeerInfo {
  /** Names the connection in `/debug` and in the log; the remote address, as in nsqlookupd. */
  readonly id: string;
  /** `address:port` that the peer connects from; `remote_address` on the wire. */
  readonly remoteAddress: string;
  /** Of the machine that the peer runs on; `''` if it told none. */
  readonly hostname: string;
  /** Where consumers reach the peer: a host name or an address. */
  readonly broadcastAddress: string;
  /** Where consumers connect to, from 1 to 65,535. */
  readonly tcpPort: number;
  /** Where the peer answers HTTP, from 1 to 65,535; a tombstone names a node by this one. */
  readonly httpPort: number;
  /** Of the peer's software, such as `1.3.0`. */
  readonly version: string;
  /** The zone that the peer is in, such as a data centre; `''` if it told none. */
  readonly topologyZone: string;
  /** The region that the peer is in; `''` if it told none. */
  readonly topologyRegion: string;
  /** When the peer last identified or pinged: milliseconds since 1970, fractions allowed. */
  lastUpdateMs: number;
}

/** `broadcast address:http port`, by which a tombstone names a node; an IPv6 address without brackets. */
export function toNodeAddress({ broadcastAddress, httpPort }: PeerInfo): string {
  return withoutBrackets(`${broadcastAddress}:${httpPort}`);
}

export function withoutBrackets(address: string): string {
  return address.replace(/^\[(.*)\](:\d+)$/, '$1$2');
}
