import { isIdentity, type Identity } from '../base/identity.js';

/**
 * A peer (an nsqd) as it told about itself with IDENTIFY. The registry knows a peer by this object, not by
 * a field of it: two connections with the same addresses are two peers.
 */
export interface PeerInfo extends Identity {
  /** Names the connection in `/debug` and in the log; the remote address, as in nsqlookupd. */
  readonly id: string;
  /** `address:port` that the peer connects from; `remote_address` on the wire. */
  readonly remoteAddress: string;
  /** When the peer last identified or pinged: milliseconds since 1970, fractions allowed. */
  lastUpdateMs: number;
}

/** Whether it has all that a peer brings with it from elsewhere, each of its kind. */
export function isPeer(value: unknown): value is PeerInfo {
  return isIdentity(value) && Number.isFinite((value as Partial<PeerInfo>).lastUpdateMs);
}

/** `broadcast address:http port`, by which a tombstone names a node; an IPv6 address without brackets. */
export function toNodeAddress({ broadcastAddress, httpPort }: PeerInfo): string {
  return withoutBrackets(`${broadcastAddress}:${httpPort}`);
}

export function withoutBrackets(address: string): string {
  return address.replace(/^\[(.*)\](:\d+)$/, '$1$2');
}
