import { lookup } from 'node:dns/promises';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { createSteadyClock } from '../base/clock.js';
import { printError } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import { checkOptions, pickOptions } from '../base/options.js';
import { createHttpHandler, createLogDecorator, decorate, orNotFound } from '../http/index.js';
import {
  NSQLOOKUPD_VERSION,
  RegistrationDB,
  SILENT_LOGGER,
  Topology,
  TOPOLOGY_CHECKS,
  type Logger,
} from '../registry/index.js';
import { createTcpHandler, TCP_HANDLER_CHECKS } from '../tcp/index.js';
import { parseAddress } from './address.js';
import { createHttpServer, HTTP_SERVER_CHECKS, RequestTracker } from './http-server.js';
import { Listener } from './listener.js';
import {
  DEFAULT_GRACE_MS,
  DEFAULT_HTTP_ADDRESS,
  DEFAULT_KEEP_ALIVE_MS,
  DEFAULT_TCP_ADDRESS,
  HTTP_HANDLER_CHECKS,
  LOOKUPD_CHECKS,
  type LookupdOptions,
} from './lookupd-options.js';

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
  /** The same writes and reads as over HTTP, in the process. */
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

/**
 * Makes a lookupd; `listen` starts it. Throws a TypeError that names the option when one is unknown or of the wrong
 * kind, an address is no `host:port`, or a number is out of its range.
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
  const checked = checkOptions('createLookupd', options, LOOKUPD_CHECKS);
  const { onError = printError, clock = createSteadyClock(), broadcastAddress = hostname() } = checked;
  const { db = new RegistrationDB({ onError }), decorators = [] } = checked;
  const { tcpAddress = DEFAULT_TCP_ADDRESS, httpAddress = DEFAULT_HTTP_ADDRESS } = checked;
  const { graceMs = DEFAULT_GRACE_MS, keepAliveMs = DEFAULT_KEEP_ALIVE_MS } = checked;
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  const topology = new Topology({ ...pickOptions(checked, TOPOLOGY_CHECKS), db, clock });

  const announce = () => ({
    broadcastAddress,
    hostname: hostname(),
    tcpPort: checked.broadcastTcpPort ?? tcp.port,
    httpPort: checked.broadcastHttpPort ?? http.port,
    version: NSQLOOKUPD_VERSION,
  });
  const tcpHandler = createTcpHandler({ ...pickOptions(checked, TCP_HANDLER_CHECKS), topology, announce });
  const httpHandler = createHttpHandler({ ...pickOptions(checked, HTTP_HANDLER_CHECKS), topology, onError });
  const logged = decorate(httpHandler, createLogDecorator({ log, clock }), orNotFound, ...decorators);
  const httpServer = createHttpServer(logged, { ...pickOptions(checked, HTTP_SERVER_CHECKS), log, onError });
  const requests = new RequestTracker(httpServer);

  const shared = { keepAliveMs, log, fail: (error: Error) => lifetime.fail(error) };
  const tcp = new Listener({
    ...shared,
    name: 'TCP',
    server: createServer(TCP_OPTIONS, tcpHandler),
    address: parseAddress('tcpAddress', tcpAddress),
    drain: () => tcpHandler.close(),
    cutOff: () => tcpHandler.close(),
  });
  const http = new Listener({
    ...shared,
    name: 'HTTP',
    server: httpServer,
    address: parseAddress('httpAddress', httpAddress),
    drain: () => requests.end(),
    cutOff: () => requests.cutOff(),
  });
  const started = () => {
    warnUnlessResolved(broadcastAddress, log);
    return { tcpAddress: tcp.address!, httpAddress: http.address! };
  };
  const lifetime = createLifetime([tcp, http], graceMs, started);
  return {
    db,
    topology,
    closed: lifetime.closed,
    get connections() {
      return tcpHandler.connections;
    },
    get tcpAddress() {
      return tcp.address;
    },
    get httpAddress() {
      return http.address;
    },
    listen: lifetime.listen,
    close: lifetime.close,
    [Symbol.asyncDispose]: lifetime.close,
  };
}

/** Those listeners as one: all listen or none, one that fails closes all. They begin with the last and end with the first. */
function createLifetime<T>(listeners: readonly Listener[], graceMs: number, started: () => T) {
  let listening: Promise<T> | undefined;
  let closing: Promise<void> | undefined;
  let failure: Error | undefined;
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const closed = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  closed.catch(() => undefined); // who does not look at it is not to be ended by it

  const start = async () => {
    try {
      for (const listener of [...listeners].reverse()) await listener.listen();
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.abandon()));
      listening = undefined;
      throw error;
    }
    return started();
  };
  const end = async () => {
    await listening?.catch(() => undefined);
    // None takes a connection any more when the first lets one go.
    const stopping = listeners.map((listener) => ({ listener, closed: listener.stop() }));
    await Promise.all(stopping.map(({ listener, closed }) => listener.letGo(graceMs, closed)));
    if (failure) settle.reject(failure);
    else settle.resolve();
  };
  const close = () => (closing ??= end());

  return {
    closed,
    close,
    listen: () => (closing ? Promise.reject(new Error('the lookupd is closed')) : (listening ??= start())),
    fail: (error: Error) => {
      failure ??= error;
      void close();
    },
  };
}

function warnUnlessResolved(address: string, log: Logger): void {
  lookup(address).catch((error: unknown) => {
    log.warn?.(`the broadcast address ${address} does not resolve - ${(error as Error).message}`);
  });
}
