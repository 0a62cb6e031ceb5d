import type { Server as HttpServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { lookup } from 'node:dns/promises';
import { createHttpHandler, createLogDecorator, decorate, orNotFound, type HttpDecorator } from '../http/index.js';
import { createSteadyClock } from '../base/clock.js';
import { printError } from '../base/error-report.js';
import { joinHostPort } from '../base/host-port.js';
import {
  NSQLOOKUPD_VERSION,
  RegistrationDB,
  SILENT_LOGGER,
  Topology,
  TOPOLOGY_CHECKS,
  type Clock,
  type TopologyOptions,
} from '../registry/index.js';
import { toSafeLogger } from '../base/logger.js';
import { atLeast, number, pickOptions, text } from '../base/options.js';
import { createTcpHandler, TCP_HANDLER_CHECKS, type TcpHandlerOptions } from '../tcp/index.js';
import { parseAddress, type ListenAddress } from './address.js';
import { createHttpServer, RequestTracker, type HttpServerOptions } from './http-server.js';

/** Where nsqlookupd listens for peers: all of the machine's addresses. */
export const DEFAULT_TCP_ADDRESS = '0.0.0.0:4160';
/** Where nsqlookupd listens for HTTP: all of the machine's addresses. */
export const DEFAULT_HTTP_ADDRESS = '0.0.0.0:4161';
/** 5 seconds: how long `close` waits for HTTP requests in flight. */
export const DEFAULT_GRACE_MS = 5000;

/** 140 seconds: with the system's probes, a silent peer is given up after about 150, as by nsqlookupd. */
export const DEFAULT_KEEP_ALIVE_MS = 140_000;

/** Connections that wait to be taken, as after a restart a whole fleet may at once; the system's limit may be lower. */
const BACKLOG = 4096;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Options of the parts are passed on to them, and documented there. */
export interface LookupdOptions
  extends
    Partial<Omit<TopologyOptions, 'db' | 'clock'>>,
    Partial<Omit<TcpHandlerOptions, 'topology' | 'announce' | 'timers'>>,
    HttpServerOptions {
  /** `host:port` for peers (nsqds). Default `0.0.0.0:4160`; port 0 picks a free one. */
  readonly tcpAddress?: string | undefined;
  /** `host:port` for consumers and nsqadmin. Default `0.0.0.0:4161`; port 0 picks a free one. */
  readonly httpAddress?: string | undefined;
  /** Where peers are told to find this lookupd. Default: the OS hostname. */
  readonly broadcastAddress?: string | undefined;
  /** How long `close` waits for HTTP requests in flight before it cuts them off: milliseconds from 0 on. Default 5,000. */
  readonly graceMs?: number | undefined;
  /** The port that peers are told to find this lookupd at, from 1 to 65,535. Default: the port it listens on. */
  readonly broadcastTcpPort?: number | undefined;
  /** The port that peers are told to ask over HTTP, from 1 to 65,535. Default: the port it listens on. */
  readonly broadcastHttpPort?: number | undefined;
  /**
   * How long a connection, of a peer or over HTTP, is silent before TCP asks whether it is still there: milliseconds from
   * 1,000 on. Default 140,000; one that is gone is given up some ten seconds later.
   */
  readonly keepAliveMs?: number | undefined;
  /** What `/debug/pprof/cmdline` tells. Default: nothing. */
  readonly commandLine?: readonly string[] | undefined;
  /** Wrap the HTTP handler, the first outermost; the log stands around them. Default: none. */
  readonly decorators?: readonly HttpDecorator[] | undefined;
  /** What ages are measured with: milliseconds. Default: one that nobody sets, `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** The registry to serve. Default: a new one. */
  readonly db?: RegistrationDB | undefined;
}

/** Where a lookupd listens: `host:port` as bound. */
export interface ListenAddresses {
  /** For peers (nsqds). */
  readonly tcpAddress: string;
  /** For consumers and nsqadmin. */
  readonly httpAddress: string;
}

/** A lookupd with its two listeners. */
export interface Lookupd extends AsyncDisposable {
  /** The registry that it serves, for events and sizes. */
  readonly db: RegistrationDB;
  /** The same questions and orders as over HTTP, in the process. */
  readonly topology: Topology;
  /** How many peers are connected, as `maxConnections` counts them. */
  readonly connections: number;
  /** `host:port` as bound; undefined unless listening. */
  readonly tcpAddress: string | undefined;
  /** `host:port` as bound; undefined unless listening. */
  readonly httpAddress: string | undefined;
  /**
   * Resolves when both listeners are up. Rejects, with neither up, with an error that names the address and has the
   * system's `code`; it can be called again then. Rejects after `close`.
   */
  listen(): Promise<ListenAddresses>;
  /**
   * Stops listening, lets the peers go, and resolves when the requests in flight are answered or cut off. Never rejects;
   * further calls give the same promise.
   */
  close(): Promise<void>;
  /** Resolves after `close`. Rejects if a listener fails while it serves, after both have been closed. */
  readonly closed: Promise<void>;
}

// Half-open, so that a peer that has sent its last still gets its answer; the rest is as in Go.
const TCP_OPTIONS = { allowHalfOpen: true, noDelay: true, keepAlive: true };
/** The longest that Linux takes. */
const MAX_KEEP_ALIVE_MS = 32_767_000;

/**
 * Makes a lookupd; `listen` starts it. Throws a TypeError that names the option when an address is no `host:port`, or a
 * number is none or too low.
 *
 * @example
 * ```js
 * import { createLookupd } from 'nsqlookupd/daemon';
 *
 * const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
 * const { httpAddress } = await lookupd.listen();
 * const response = await fetch(`http://${httpAddress}/ping`);
 * console.log(await response.text()); // OK
 * await lookupd.close();
 * ```
 */
export function createLookupd(options: LookupdOptions = {}): Lookupd {
  const { onError = printError, clock = createSteadyClock(), broadcastAddress = hostname() } = options;
  const { db = new RegistrationDB({ onError }) } = options;
  const log = toSafeLogger(options.log ?? SILENT_LOGGER, onError);
  const graceMs = atLeast(0, 'graceMs', options.graceMs ?? DEFAULT_GRACE_MS);
  const tcpListen = parseAddress('tcpAddress', options.tcpAddress ?? DEFAULT_TCP_ADDRESS);
  const httpListen = parseAddress('httpAddress', options.httpAddress ?? DEFAULT_HTTP_ADDRESS);
  const {
    keepAliveMs = DEFAULT_KEEP_ALIVE_MS,
    broadcastTcpPort,
    broadcastHttpPort,
    commandLine,
    decorators = [],
  } = options;
  number(1000, MAX_KEEP_ALIVE_MS)('keepAliveMs', keepAliveMs);
  text('broadcastAddress', broadcastAddress);
  for (const [name, port] of Object.entries({ broadcastTcpPort, broadcastHttpPort })) {
    if (port !== undefined) number(1, 65_535)(name, port);
  }
  const topology = new Topology({ ...pickOptions(options, TOPOLOGY_CHECKS), db, clock });

  const announce = () => ({
    broadcastAddress,
    hostname: hostname(),
    tcpPort: broadcastTcpPort ?? portOf(tcpServer),
    httpPort: broadcastHttpPort ?? portOf(httpServer),
    version: NSQLOOKUPD_VERSION,
  });
  const tcpHandler = createTcpHandler({ ...pickOptions(options, TCP_HANDLER_CHECKS), topology, announce });
  const tcpServer = createTcpServer(TCP_OPTIONS, tcpHandler);

  const httpHandler = createHttpHandler({ topology, commandLine, onError });
  const logged = decorate(httpHandler, createLogDecorator({ log, clock }), orNotFound, ...decorators);
  const httpServer = createHttpServer(logged, { ...options, log, onError });
  for (const server of [tcpServer, httpServer]) {
    server.on('connection', (socket: Socket) => socket.setKeepAlive(true, keepAliveMs));
  }
  const requests = new RequestTracker(httpServer);

  let listening: Promise<ListenAddresses> | undefined;
  let closing: Promise<void> | undefined;
  let failure: Error | undefined;
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const closed = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  closed.catch(() => undefined); // who does not look at it is not to be ended by it

  const start = async (): Promise<ListenAddresses> => {
    try {
      await listenOn(httpServer, httpListen);
      log.info?.(`HTTP: listening on ${addressOf(httpServer)}`);
      await listenOn(tcpServer, tcpListen);
      log.info?.(`TCP: listening on ${addressOf(tcpServer)}`);
    } catch (error) {
      const stopped = Promise.all([closeServer(tcpServer), closeServer(httpServer)]);
      httpServer.closeAllConnections();
      await stopped;
      listening = undefined;
      throw error;
    }
    for (const server of [httpServer, tcpServer]) {
      server.on('error', (error: NodeJS.ErrnoException) => {
        if (isPassing(error)) {
          log.error?.(`no new connection on ${addressOf(server)} - ${error.message}`);
          return;
        }
        failure ??= error;
        void close();
      });
    }
    lookup(broadcastAddress).catch((error: unknown) => {
      log.warn?.(`the broadcast address ${broadcastAddress} does not resolve - ${(error as Error).message}`);
    });
    return { tcpAddress: addressOf(tcpServer)!, httpAddress: addressOf(httpServer)! };
  };

  const stop = async () => {
    const tcpClosed = closeServer(tcpServer);
    const httpClosed = closeServer(httpServer);
    tcpHandler.close();
    requests.end();
    const cutOff = setTimeout(() => httpServer.closeAllConnections(), Math.min(graceMs, MAX_TIMER_MS));
    await Promise.all([tcpClosed, httpClosed]);
    clearTimeout(cutOff);
  };

  const shutDown = async () => {
    await listening?.catch(() => undefined);
    if (tcpServer.listening) log.info?.(`TCP: closing ${addressOf(tcpServer)}`);
    if (httpServer.listening) log.info?.(`HTTP: closing ${addressOf(httpServer)}`);
    await stop();
    if (failure) settle.reject(failure);
    else settle.resolve();
  };
  const close = () => (closing ??= shutDown());

  return {
    db,
    topology,
    closed,
    get connections() {
      return tcpHandler.connections;
    },
    get tcpAddress() {
      return addressOf(tcpServer);
    },
    get httpAddress() {
      return addressOf(httpServer);
    },
    listen: () => {
      if (closing) return Promise.reject(new Error('the lookupd is closed'));
      return (listening ??= start());
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Server = TcpServer | HttpServer;

function listenOn(server: Server, { text, ...address }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: NodeJS.ErrnoException) => {
      const error = new Error(`listen (${text}) failed - ${cause.message}`, { cause });
      reject(Object.assign(error, { code: cause.code }));
    };
    server.once('error', fail);
    server.listen({ ...address, backlog: BACKLOG }, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/** Whether a listener's error is about one connection, or a lack that passes, and not about the listener. */
function isPassing({ syscall, code = '' }: NodeJS.ErrnoException): boolean {
  return syscall === 'accept' && ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ECONNABORTED', 'EPERM'].includes(code);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}

function addressOf(server: Server): string | undefined {
  const bound = server.address() as AddressInfo | null;
  return bound ? joinHostPort(bound.address, bound.port) : undefined;
}
