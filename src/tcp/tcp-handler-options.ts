import type { Logger, OnError, Topology } from '../registry/index.js';
import type { Announcement, Identity, PeerLimits } from '../protocol/index.js';
import { aFunction, anObject, logger, number, required, timers, withMethods, type Checks } from '../base/options.js';
import type { Timers } from '../base/timers.js';
import { OBSERVER_CHECK, type PeerObserver, type Verdict } from '../session/index.js';
import type { ByteStream } from '../streams/index.js';

/** 30 seconds: by when a new connection must have identified itself. nsqlookupd waits for ever. */
export const DEFAULT_IDENTIFY_TIMEOUT_MS = 30_000;
/** 15 minutes: how long an identified peer may send nothing. nsqlookupd waits for ever. */
export const DEFAULT_SILENCE_TIMEOUT_MS = 900_000;
/** 30 seconds: how long a peer may leave answers unread. nsqlookupd waits for ever. */
export const DEFAULT_DRAIN_TIMEOUT_MS = 30_000;
/** The most open connections. nsqlookupd has no such limit. */
export const DEFAULT_MAX_CONNECTIONS = 10_000;
/** How much may be kept of what peers have not sent whole, all together: 64 MiB. nsqlookupd has no such limit. */
export const DEFAULT_MAX_UNFINISHED_BYTES = 64 * 1024 * 1024;

/**
 * What a TCP handler is made of. Times are milliseconds from 1 on, `Infinity` included; a deadline may pass late, by a
 * quarter of the shortest and by two seconds at most.
 */
export interface TcpHandlerOptions {
  /** What peers join, register in and leave. */
  readonly topology: Topology;
  /**
   * What IDENTIFY is answered with, or a function that says so when it is asked, for a port that is not known
   * yet. nsqd asks `http://broadcastAddress:httpPort/channels?topic=…`: name where the HTTP handler is reached.
   */
  readonly announce: AnnounceOptions | (() => AnnounceOptions);
  /** How much a peer may send as one line or body. Defaults: see `PeerLimits`. */
  readonly limits?: PeerLimits | undefined;
  /** How long a new connection may take to send its magic and IDENTIFY: milliseconds. Default 30,000. `Infinity`: for ever. */
  readonly identifyTimeoutMs?: number | undefined;
  /**
   * How long an identified peer may send nothing, as half-open connections do. Default 900,000, or three times
   * the inactive producer timeout if that is more; nsqd pings every 15 seconds. `Infinity`: for ever.
   */
  readonly silenceTimeoutMs?: number | undefined;
  /** How long a peer may leave answers unread, also after the last. Default 30,000. `Infinity`: for ever. */
  readonly drainTimeoutMs?: number | undefined;
  /** The most open connections; one more is answered `E_INVALID` and closed. From 0 on. Default 10,000. */
  readonly maxConnections?: number | undefined;
  /**
   * How many bytes may be kept of lines and bodies that are not whole, or not answered yet, of all peers together. Beyond it
   * the peer that has most is answered `E_INVALID` and closed. From 0 on. Default 67,108,864 (64 MiB).
   */
  readonly maxUnfinishedBytes?: number | undefined;
  /**
   * Asked, when a peer has identified itself, whether it may join, and by which identity it is known: it gives back the identity,
   * or another one, or `{ refused: 'why' }`, now or later. Meanwhile nothing more is read from the peer. What it throws is a
   * refusal. Default: all may join.
   */
  readonly admit?: Admit | undefined;
  /** Is told what metrics count. Default: nobody is. */
  readonly observe?: PeerObserver | undefined;
  /** What deadlines are measured with. Default: the runtime's own. */
  readonly timers?: Timers | undefined;
  /** Gets the lines that nsqlookupd logs. Default: nothing is logged. */
  readonly log?: Logger | undefined;
  /** Gets what the clock, the logger, `announce` or a stream threw, and misuse. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** An announcement; its `hostname` is the `broadcastAddress` and its `version` `NSQLOOKUPD_VERSION` if left out. */
export type AnnounceOptions = Pick<Announcement, 'broadcastAddress' | 'tcpPort' | 'httpPort'> & Partial<Announcement>;

/** Says whether a peer may join, and by which identity it is known. */
export type Admit = (identity: Identity, caller: PeerCaller) => Verdict | PromiseLike<Verdict>;

/** Who is at the other end of a connection. */
export interface PeerCaller {
  /** `address:port`, or what the host has named it. */
  readonly remoteAddress: string;
  /** The stream that the handler was given: with TLS its `getPeerCertificate()` tells who it is. */
  readonly stream: ByteStream;
}

/** The options of `createTcpHandler`, for who hands on part of what it was handed: each with what checks its value. */
export const TCP_HANDLER_CHECKS: Checks<TcpHandlerOptions> = {
  topology: required(withMethods('a Topology', 'join', 'leave')),
  announce: required(() => undefined), // `complete` looks into it
  limits: anObject, // the decoder looks into it
  identifyTimeoutMs: number(1),
  silenceTimeoutMs: number(1),
  drainTimeoutMs: number(1),
  maxConnections: number(0),
  maxUnfinishedBytes: number(0),
  admit: aFunction,
  observe: OBSERVER_CHECK,
  timers,
  log: logger,
  onError: aFunction,
};
