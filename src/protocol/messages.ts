import type { Identity } from '../base/identity.js';
import type { PeerLimits } from './peer-decoder.js';

/** The first four bytes of a connection: protocol version 1. */
export const MAGIC_V1 = '  V1';

/** What a lookupd answers to IDENTIFY. nsqd then asks `http://broadcastAddress:httpPort/channels?topic=…`. */
export interface Announcement {
  /** Where peers reach the lookupd: a host name or an address. */
  readonly broadcastAddress: string;
  /** Of the lookupd's machine. */
  readonly hostname: string;
  /** Where the lookupd takes peers. */
  readonly tcpPort: number;
  /** Where the lookupd answers HTTP. */
  readonly httpPort: number;
  /** Of nsqlookupd, such as `1.3.0`. */
  readonly version: string;
}

/** What a peer sends. An `identify` is the command line alone; the body that follows it is an `identity`. */
export type PeerMessage =
  | { readonly type: 'magic' }
  | { readonly type: 'ping' }
  | { readonly type: 'identify' }
  | { readonly type: 'identity'; readonly identity: Identity }
  | TopicMessage;

/** The names are as sent: whether they are legal is for the receiver to say. `channel` is `''` for none. */
export interface TopicMessage {
  /** Whether the peer carries it from now on, or no longer. */
  readonly type: 'register' | 'unregister';
  /** The topic, as sent. */
  readonly topic: string;
  /** The channel, as sent; `''` for none. */
  readonly channel: string;
}

/** What a lookupd sends. */
export type Reply =
  | { readonly type: 'ok' }
  | { readonly type: 'announcement'; readonly announcement: Announcement }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly reason: string };

/** The codes that a lookupd answers with. After any of them it closes the connection. */
export type ErrorCode = 'E_INVALID' | 'E_BAD_BODY' | 'E_BAD_TOPIC' | 'E_BAD_CHANNEL' | 'E_BAD_PROTOCOL';

/** Bytes that break the protocol. A decoder that gave one takes no more. */
export interface Fault {
  /** Tells it from a message. */
  readonly type: 'fault';
  /** What a peer is answered with. */
  readonly code: ErrorCode;
  /** For people; not part of the protocol. */
  readonly reason: string;
  /** The limit that it passed, if that is what was wrong. */
  readonly limit?: keyof PeerLimits;
}

export function toFault(code: ErrorCode, reason: string, limit?: keyof PeerLimits): Fault {
  return { type: 'fault', code, reason, ...(limit && { limit }) };
}
