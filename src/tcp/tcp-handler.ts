import { callGuarded, printError, report } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import { checkOptions } from '../base/options.js';
import { DEFAULT_TIMERS } from '../base/timers.js';
import { encodeReply, PeerDecoder, type Announcement } from '../protocol/index.js';
import { NSQLOOKUPD_VERSION, SILENT_LOGGER } from '../registry/index.js';
import { Session } from '../session/index.js';
import { toRemoteAddress, type ByteStream } from '../streams/index.js';
import { Connection, type ConnectionHost } from './connection.js';
import { tickWhile, toTickMs, toTicks } from './deadlines.js';
import { logRefusals } from './refusal-log.js';
import {
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDENTIFY_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_UNFINISHED_BYTES,
  DEFAULT_SILENCE_TIMEOUT_MS,
  TCP_HANDLER_CHECKS,
  type AnnounceOptions,
  type TcpHandlerOptions,
} from './tcp-handler-options.js';
import { UnfinishedInput } from './unfinished-input.js';

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
  /** How many bytes are kept of what peers have not sent whole, or is not answered yet. */
  readonly unfinishedBytes: number;
  /** Takes the peers out of the topology and destroys their streams. New connections are served as before. */
  close(): void;
}

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
  const { topology, announce, limits, admit, observe, timers = DEFAULT_TIMERS, onError = printError } = checked;
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
  const unfinished = new UnfinishedInput<Connection>();

  // Looks are counted instead of a clock being asked, so that a clock that is set closes no connection.
  const tick = (): boolean => {
    for (const connection of open.values()) connection.tick();
    return (ticking = open.size > 0);
  };

  const ask = admit && logRefusals(admit, log, topology.clock);
  const onHeld = (connection: Connection): void => {
    unfinished.weigh(connection);
    while (unfinished.bytes > maxUnfinishedBytes)
      unfinished.most!.refuse('too much unfinished input', 'maxUnfinishedBytes');
  };
  const onClosed = (stream: ByteStream) => open.delete(stream);
  const host: ConnectionHost = { work: topology.work, deadlines, observe, onError, onHeld, onClosed };

  const serve = (stream: ByteStream, remoteAddress: string): void => {
    log.info?.(`TCP: new client(${remoteAddress})`);
    if (open.size >= maxConnections) {
      log.error?.(`client(${remoteAddress}) - E_INVALID too many connections`);
      observe?.limit('maxConnections');
      observe?.error('E_INVALID');
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
      observe,
      admit: ask && ((identity) => ask(identity, { remoteAddress, stream })),
    });
    open.set(stream, new Connection(host, stream, session));
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
    unfinishedBytes: { get: () => unfinished.bytes },
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
