import { lookup } from 'node:dns';
import { hostname } from 'node:os';
import { callGuarded, printError } from '../base/error-report.js';
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
  WorkQueue,
  type Logger,
} from '../registry/index.js';
import { createTcpHandler, TCP_HANDLER_CHECKS } from '../tcp/index.js';
import { createAccess } from './access.js';
import { Keeping, KEEPING_CHECKS } from './keeping.js';
import { createLifetime } from './lifetime.js';
import { createListeners } from './listeners.js';
import { createLoading } from './loading.js';
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
import type { Lookupd } from './lookupd-interface.js';
import { createOperation } from './operation.js';
import { Sharing, SHARING_CHECKS } from './sharing.js';
import { createProcessClock } from './system-clock.js';
import { createTlsLoader } from './tls-reload.js';

/** When it listens, those who waited for that come first: what they do not need is done a little later. */
const AFTERWARDS_MS = 500;
/** How long it works in one turn of the event loop until others have theirs, about. */
const MS_PER_TURN = 8;

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
  const ownName = hostname(); // asked once, as it is told to every peer
  const steadyClock = createProcessClock();
  const { onError = printError, clock = steadyClock, broadcastAddress = ownName } = checked;
  checkTogether(checked);
  const { db = new RegistrationDB({ onError }), graceMs = DEFAULT_GRACE_MS } = checked;
  const log = toSafeLogger(checked.log ?? SILENT_LOGGER, onError);
  const work = new WorkQueue({ msPerTurn: MS_PER_TURN, clock: steadyClock, onError });
  const topology = new Topology({ work, ...pickOptions(checked, TOPOLOGY_CHECKS), db, clock });

  const access = createAccess(checked, { log, clock: topology.clock, onError });
  const announce = () => ({
    broadcastAddress,
    hostname: ownName,
    tcpPort: checked.broadcastTcpPort ?? (tcp ?? tcpTls)!.port,
    httpPort: checked.broadcastHttpPort ?? (http ?? https)!.port,
    version: NSQLOOKUPD_VERSION,
  });
  const sharing = new Sharing({ ...pickOptions(checked, SHARING_CHECKS), topology, log, onError });
  const tls = createTlsLoader(checked, () => listening.tlsServers, log);
  const operation = createOperation(checked, {
    topology,
    others: () => [...sharing.metrics(), ...tls.metrics],
    notes: [sharing.note],
    steadyClock,
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
          () => [...sharing.findings(), ...tls.findings()],
        )
      : undefined;
  const { authorize } = access;
  const admit = findings ? findings.noting(access.admit) : access.admit;
  const observe = operation.meters?.peers;
  const peers = { ...pickOptions(checked, TCP_HANDLER_CHECKS), topology, announce, admit, observe };
  const tcpHandler = createTcpHandler(peers);
  const page =
    checked.ui === true
      ? createPage(checked, { topology, feed, authorize: access.judge, clock: steadyClock })
      : undefined;
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
  const { tcp, tcpTls, http, https } = listening;
  const keeping = new Keeping({ ...pickOptions(checked, KEEPING_CHECKS), topology, log, onError });

  const { load, reload, watch } = createLoading([access, tls], log, () => watching.recheck());
  let unwatch = () => {};
  const started = () => {
    const later = setTimeout(() => {
      warnUnlessResolved(broadcastAddress, log);
      callGuarded(onError, 'the process could not be measured', operation.start);
    }, AFTERWARDS_MS);
    const stopWatching = watch();
    unwatch = () => {
      clearTimeout(later);
      stopWatching();
    };
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

function warnUnlessResolved(address: string, log: Logger): void {
  lookup(address, (error) => {
    if (error) log.warn?.(`the broadcast address ${address} does not resolve - ${error.message}`);
  });
}
