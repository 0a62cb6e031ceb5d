import { encodeReply, type Identity, PeerDecoder, type Announcement, type PeerLimits } from '../protocol/index.js';
import { callGuarded, isThenable, printError, report } from '../base/error-report.js';
import { NSQLOOKUPD_VERSION, SILENT_LOGGER, type Logger, type OnError, type Topology } from '../registry/index.js';
import { toSafeLogger } from '../base/logger.js';
import {
  aFunction,
  anObject,
  checkOptions,
  logger,
  number,
  required,
  timers as timersCheck,
  withMethods,
  type Checks,
} from '../base/options.js';
import { Session, type Verdict } from '../session/index.js';
import { toRemoteAddress, type ByteStream } from '../streams/index.js';
import { Connection } from './connection.js';
import { DEFAULT_TIMERS, type Timers } from '../base/timers.js';
import { createRefusalLog } from '../base/refusal-log.js';
import { tickWhile, toTickMs, toTicks } from './deadlines.js';

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
  /** By when a new connection must have sent its magic and IDENTIFY. Default 30,000. `Infinity`: never. */
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

/** What a host knows about a connection that the stream does not say. */
export interface ConnectionInfo {
  /** Names the peer to consumers, in `/debug` and in the log. Default: `address:port` of the stream, or a number. */
  readonly remoteAddress?: string | undefined;
}

/** Serves one connection for each call; `net.createServer(handler)` works. */
export interface TcpHandler {
  /** Serves that stream until it closes. Never throws: what goes wrong goes to `onError`, and closes the stream. */
  (stream: ByteStream, info?: ConnectionInfo): void;
  /** How many connections are open. */
  readonly connections: number;
  /** Takes the peers out of the topology and destroys their streams. New connections are served as before. */
  close(): void;
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
  timers: timersCheck,
  log: logger,
  onError: aFunction,
};

const TOO_MANY = encodeReply({ type: 'error', code: 'E_INVALID', reason: 'too many connections' });

/**
 * Makes the handler for peers (nsqds): a session of protocol V1 on every stream that it is given. A peer that
 * leaves takes its producers with it at once. Throws a TypeError when an option is missing or no number; what
 * goes wrong later goes to `onError`.
 *
 * @example
 * ```js
 * import { createServer } from 'node:net';
 * import { createTcpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const announce = { broadcastAddress: 'lookupd.example.com', tcpPort: 4160, httpPort: 4161 };
 * const handler = createTcpHandler({ topology, announce });
 * const server = createServer({ allowHalfOpen: true }, handler).listen(0);
 * // To end:
 * server.close();
 * handler.close();
 * ```
 */
export function createTcpHandler(options: TcpHandlerOptions): TcpHandler {
  const checked = checkOptions('createTcpHandler', options, TCP_HANDLER_CHECKS);
  const { topology, announce, limits, admit, timers = DEFAULT_TIMERS, onError = printError } = checked;
  const { maxConnections = DEFAULT_MAX_CONNECTIONS, maxUnfinishedBytes = DEFAULT_MAX_UNFINISHED_BYTES } = checked;
  const toAnnouncement = typeof announce === 'function' ? () => complete(announce()) : () => complete(announce);
  if (typeof announce !== 'function') toAnnouncement();
  new PeerDecoder(limits); // which throws for what is no limit
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  const timeouts = {
    identify: checked.identifyTimeoutMs ?? DEFAULT_IDENTIFY_TIMEOUT_MS,
    silence:
      checked.silenceTimeoutMs ??
      Math.max(DEFAULT_SILENCE_TIMEOUT_MS, 3 * topology.lifetimes.inactiveProducerTimeoutMs),
    drain: checked.drainTimeoutMs ?? DEFAULT_DRAIN_TIMEOUT_MS,
  };
  const tickMs = toTickMs(Math.min(...Object.values(timeouts)));
  const deadlines = {
    identify: toTicks(timeouts.identify, tickMs),
    silence: toTicks(timeouts.silence, tickMs),
    drain: toTicks(timeouts.drain, tickMs),
  };
  const open = new Map<ByteStream, Connection>();
  let unnamed = 0;
  let ticking = false;
  let unfinishedBytes = 0;

  // Looks are counted instead of a clock being asked, so that a clock that is set closes no connection.
  const tick = (): boolean => {
    for (const connection of open.values()) connection.tick();
    return (ticking = open.size > 0);
  };

  const whenDue = createRefusalLog(topology.clock);
  const refusing = (remoteAddress: string, verdict: Verdict | PromiseLike<Verdict>) => {
    const look = (known: Verdict): Verdict => {
      if ('refused' in known)
        whenDue(remoteAddress, () => log.error?.(`client(${remoteAddress}) refused - ${known.refused}`));
      return known;
    };
    return isThenable(verdict) ? verdict.then(look) : look(verdict);
  };

  const onHeld = (bytes: number): void => {
    unfinishedBytes += bytes;
    if (bytes < 0 || unfinishedBytes <= maxUnfinishedBytes) return;
    let most: Connection | undefined;
    for (const connection of open.values()) if (!(connection.heldBytes <= (most?.heldBytes ?? 0))) most = connection;
    most?.refuse('too much unfinished input');
  };

  const serve = (stream: ByteStream, remoteAddress: string): void => {
    log.info?.(`TCP: new client(${remoteAddress})`);
    if (open.size >= maxConnections) {
      log.error?.(`client(${remoteAddress}) - E_INVALID too many connections`);
      stream.on('error', () => {}); // it is not served, whatever becomes of it
      stream.write(TOO_MANY);
      stream.end();
      stream.destroy();
      return;
    }
    if (!ticking) tickWhile(timers, tickMs, tick);
    ticking = true;
    const session = new Session({
      topology,
      announce: toAnnouncement,
      remoteAddress,
      limits,
      log,
      onError,
      admit: admit && ((identity) => refusing(remoteAddress, admit(identity, { remoteAddress, stream }))),
    });
    const onClosed = () => open.delete(stream);
    const { work } = topology;
    open.set(stream, new Connection({ stream, session, work, deadlines, onError, onHeld, onClosed }));
  };

  const handle = (stream: ByteStream, info: ConnectionInfo = {}): void => {
    if (open.has(stream)) return report(onError, new TypeError('the stream is served already'), 'misuse');
    if (stream.destroyed === true) return; // whatever it had to tell, it has told before
    try {
      serve(stream, info.remoteAddress ?? toRemoteAddress(stream) ?? `stream-${++unnamed}`);
    } catch (error) {
      report(onError, error, 'a connection could not be served');
      callGuarded(onError, 'a stream threw when it was destroyed', () => stream.destroy());
    }
  };

  return Object.defineProperties(handle as TcpHandler, {
    connections: { get: () => open.size },
    close: {
      value: () => {
        for (const connection of open.values()) connection.destroy('closing');
      },
    },
  });
}

/** Throws a TypeError when it lacks what a peer needs to find this lookupd. */
function complete(announce: AnnounceOptions): Announcement {
  const { broadcastAddress, tcpPort, httpPort } = announce ?? {};
  if (typeof broadcastAddress !== 'string' || typeof tcpPort !== 'number' || typeof httpPort !== 'number') {
    throw new TypeError('announce must have a broadcastAddress, a tcpPort and an httpPort, or give them when called');
  }
  return { hostname: broadcastAddress, version: NSQLOOKUPD_VERSION, ...announce };
}
