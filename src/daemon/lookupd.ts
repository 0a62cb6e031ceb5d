import { lookup } from 'node:dns';
import { hostname } from 'node:os';
import { createSteadyClock } from '../base/clock.js';
import { printError } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import { checkOptions, pickOptions } from '../base/options.js';
import { createBlockingReads, createFeed, createWatchRoutes } from '../feed/index.js';
import { createHttpHandler, zoneByNetwork } from '../http/index.js';
import {
  NSQLOOKUPD_VERSION,
  RegistrationDB,
  SILENT_LOGGER,
  Topology,
  TOPOLOGY_CHECKS,
  type Logger,
} from '../registry/index.js';
import type { SharedStatus, WarmRestartStatus } from '../store/index.js';
import { createTcpHandler, TCP_HANDLER_CHECKS } from '../tcp/index.js';
import { createAccess, type Refusals } from './access.js';
import { Keeping, KEEPING_CHECKS } from './keeping.js';
import type { Listener } from './listener.js';
import { createListeners } from './listeners.js';
import { createOwnFindings } from './own-findings.js';
import { createPage } from './page.js';
import { createProfiles } from './profiles.js';
import {
  checkTogether,
  DEFAULT_GRACE_MS,
  HTTP_HANDLER_CHECKS,
  LOOKUPD_CHECKS,
  type LookupdOptions,
} from './lookupd-options.js';
import { createOperation } from './operation.js';
import { Sharing, SHARING_CHECKS } from './sharing.js';
import { tlsFiles } from './tls.js';
import { createTlsLoader } from './tls-reload.js';
import { watchFiles } from './watched-files.js';

/** Where a lookupd listens: `host:port` as bound. */
export interface ListenAddresses {
  /** For peers (nsqds); `''` where there is only one over TLS. */
  readonly tcpAddress: string;
  /** For consumers and nsqadmin; `''` where there is only HTTPS. */
  readonly httpAddress: string;
  /** For peers over TLS, if it was asked for. */
  readonly tcpTlsAddress?: string;
  /** For HTTPS, if it was asked for. */
  readonly httpsAddress?: string;
}

/** A lookupd with its listeners. */
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
  /** `host:port` as bound; undefined unless listening. */
  readonly tcpTlsAddress: string | undefined;
  /** `host:port` as bound; undefined unless listening. */
  readonly httpsAddress: string | undefined;
  /** How many watch, over `/watch`. */
  readonly watchers: number;
  /** How it stands with what outlives the process; undefined where nothing is to, or before `listen`. */
  readonly warmRestart: WarmRestartStatus | undefined;
  /** How it stands with the registry that it shares; undefined where it shares none, or before `listen`. */
  readonly shared: SharedStatus | undefined;
  /** How many requests and peers were refused, since it was made. */
  readonly refusals: Refusals;
  /**
   * Resolves when all listeners are up. Rejects, with none up, with an error that names the address and has the
   * system's `code`, or that names the certificate, key or token file that is bad; it can be called again then. Rejects after
   * `close`.
   */
  listen(): Promise<ListenAddresses>;
  /**
   * Reads certificates, keys and tokens anew, as it does by itself when the files change. Connections that are open go on. A bad
   * file keeps what was loaded before, and is logged. Never throws.
   */
  reload(): void;
  /**
   * Stops listening, lets the peers go, and resolves when the requests in flight are answered or cut off. Never rejects;
   * further calls give the same promise.
   */
  close(): Promise<void>;
  /** Resolves after `close`. Rejects if a listener fails while it serves, after all have been closed. */
  readonly closed: Promise<void>;
}

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
  checkTogether(checked);
  const { db = new RegistrationDB({ onError }), graceMs = DEFAULT_GRACE_MS } = checked;
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  const topology = new Topology({ ...pickOptions(checked, TOPOLOGY_CHECKS), db, clock });

  const access = createAccess(checked, { log, clock: topology.clock, onError });
  const announce = () => ({
    broadcastAddress,
    hostname: hostname(),
    tcpPort: checked.broadcastTcpPort ?? (tcp ?? tcpTls)!.port,
    httpPort: checked.broadcastHttpPort ?? (http ?? https)!.port,
    version: NSQLOOKUPD_VERSION,
  });
  const sharing = new Sharing({ ...pickOptions(checked, SHARING_CHECKS), topology, log, onError });
  const operation = createOperation(checked, {
    topology,
    shared: sharing.metrics,
    notes: [sharing.note],
    onError,
    tcpHandler: () => tcpHandler,
    httpHandler: () => httpHandler,
    httpConnections: () => listening.httpConnections(),
    watchers: () => watching.watchers,
    warmRestart: () => keeping.status,
    state: () => lifetime.state,
  });
  const { maxWatchers, zonePolicy } = checked;
  const feed = createFeed(topology, { onError, ...(maxWatchers === 0 && { capacity: 0 }) });
  const zoneOf = checked.zones ? zoneByNetwork(checked.zones) : checked.zoneOf;
  const watching = createWatchRoutes(feed, { maxWatchers, zonePolicy, zoneOf, authorize: access.judge, onError });
  const profiles = checked.pprof === true ? createProfiles({ commandLine: checked.commandLine }) : undefined;
  const findings =
    checked.findings === true
      ? createOwnFindings(
          checked,
          topology,
          () => tcpHandler.connections,
          () => sharing.findings(),
        )
      : undefined;
  const { authorize } = access;
  const admit = findings ? findings.noting(access.admit) : access.admit;
  const observe = operation.meters?.peers;
  const peers = { ...pickOptions(checked, TCP_HANDLER_CHECKS), topology, announce, admit, observe };
  const tcpHandler = createTcpHandler(peers);
  const page = checked.ui === true ? createPage(checked, { topology, feed, authorize: access.judge }) : undefined;
  const own = [
    watching.rows,
    operation.routes,
    profiles?.routes ?? [],
    findings?.routes ?? [],
    page?.routes ?? [],
  ].flat();
  const routes = [...own, ...(checked.routes ?? [])];
  const requests = { ...pickOptions(checked, HTTP_HANDLER_CHECKS), zoneOf, routes, topology, authorize, onError };
  const httpHandler = createHttpHandler(requests);
  const listening = createListeners(checked, {
    ...{ tcpHandler, httpHandler, log, clock, onError, onLimit: observe?.limit },
    outer: access.decorators,
    middle: [...operation.decorators, ...(page?.decorators ?? [])],
    inner: [createBlockingReads(feed, { takePlace: watching.takePlace })],
    fail: (error) => lifetime.fail(error),
  });
  const { tcp, tcpTls, http, https, tlsServers } = listening;
  const keeping = new Keeping({ ...pickOptions(checked, KEEPING_CHECKS), topology, log, onError });

  const loaders = [access.load, createTlsLoader(checked, tlsServers, log)];
  const load = () => loaders.forEach((loader) => loader());
  const reload = () => {
    for (const loader of loaders) {
      try {
        loader();
      } catch (error) {
        log.error?.(`kept what was loaded before - ${(error as Error).message}`);
      }
    }
    watching.recheck();
  };
  let unwatch = () => {};
  const started = () => {
    unwatch = watchFiles([...access.files, ...tlsFiles(tlsServers.length === 0 ? {} : checked)], reload);
    warnUnlessResolved(broadcastAddress, log);
    operation.start();
    return {
      tcpAddress: tcp?.address ?? '',
      httpAddress: http?.address ?? '',
      ...(tcpTls?.address !== undefined && { tcpTlsAddress: tcpTls.address }),
      ...(https?.address !== undefined && { httpsAddress: https.address }),
    };
  };
  const listeners = [tcp, tcpTls, http, https].filter((listener) => listener !== undefined);
  const lifetime = createLifetime(listeners, {
    graceMs,
    started,
    starting: async (signal) => {
      load();
      await keeping.begin(signal, graceMs);
      await sharing.begin();
    },
    ending: () => {
      unwatch();
      if (!keeping.status && !sharing.status) return undefined;
      return Promise.all([keeping.end(graceMs), sharing.end(graceMs)]);
    },
    // Those that watch are told before their connections are ended.
    stopped: () => {
      watching.close();
      feed.close();
    },
  });
  const stopOperation = () => {
    operation.stop();
    profiles?.close();
  };
  lifetime.closed.then(stopOperation, stopOperation);
  return {
    db,
    topology,
    closed: lifetime.closed,
    refusals: access.refusals,
    get watchers() {
      return watching.watchers;
    },
    get warmRestart() {
      return keeping.status;
    },
    get shared() {
      return sharing.status;
    },
    get connections() {
      return tcpHandler.connections;
    },
    get tcpAddress() {
      return tcp?.address;
    },
    get httpAddress() {
      return http?.address;
    },
    get tcpTlsAddress() {
      return tcpTls?.address;
    },
    get httpsAddress() {
      return https?.address;
    },
    listen: lifetime.listen,
    reload,
    close: lifetime.close,
    [Symbol.asyncDispose]: lifetime.close,
  };
}

interface Lifetime<T> {
  readonly graceMs: number;
  /** What it throws, `listen` rejects with. The signal is aborted when it is closed meanwhile. */
  readonly starting: (signal: AbortSignal) => Promise<void>;
  readonly started: () => T;
  readonly ending: () => Promise<unknown> | undefined;
  readonly stopped: () => void;
}

/** Those listeners as one: all listen or none, one that fails closes all. They begin with the last and end with the first. */
export function createLifetime<T>(
  listeners: readonly Listener[],
  { graceMs, starting, started, ending, stopped }: Lifetime<T>,
) {
  let listening: Promise<T> | undefined;
  let closing: Promise<void> | undefined;
  const stopStart = new AbortController();
  let failure: Error | undefined;
  let isListening = false;
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const closed = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  closed.catch(() => undefined); // who does not look at it is not to be ended by it

  const start = async () => {
    try {
      await starting(stopStart.signal);
      for (const listener of [...listeners].reverse()) await listener.listen();
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.abandon()));
      listening = undefined;
      throw error;
    }
    isListening = true;
    return started();
  };
  const end = async () => {
    stopStart.abort(new Error('the lookupd is closed'));
    await listening?.catch(() => undefined);
    const ended = ending();
    if (ended) await ended; // a promise that is not there would cost a turn
    // None takes a connection any more when the first lets one go.
    const stopping = listeners.map((listener) => ({ listener, closed: listener.stop() }));
    stopped();
    await Promise.all(stopping.map(({ listener, closed }) => listener.letGo(graceMs, closed)));
    if (failure) settle.reject(failure);
    else settle.resolve();
  };
  const close = () => (closing ??= end());

  return {
    closed,
    close,
    get state() {
      if (closing) return 'closing';
      return isListening ? undefined : 'starting';
    },
    listen: () => (closing ? Promise.reject(new Error('the lookupd is closed')) : (listening ??= start())),
    fail: (error: Error) => {
      failure ??= error;
      void close();
    },
  };
}

function warnUnlessResolved(address: string, log: Logger): void {
  lookup(address, (error) => {
    if (error) log.warn?.(`the broadcast address ${address} does not resolve - ${error.message}`);
  });
}
