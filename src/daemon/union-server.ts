import { createSteadyClock } from '../base/clock.js';
import { createTlsFetch } from '../base/node-fetch.js';
import { createUnionHandler, resolveLookupds, type UnionHandler } from '../client/index.js';
import { zoneByNetwork } from '../http/index.js';
import type { Logger, OnError } from '../registry/index.js';
import { createAccess } from './access.js';
import { createListeners } from './listeners.js';
import { createLoading } from './loading.js';
import { createLifetime } from './lifetime.js';
import type { Lookupd } from './lookupd-interface.js';
import { checkTogether, DEFAULT_GRACE_MS, type LookupdOptions } from './lookupd-options.js';
import { readSmallFile } from './read-file.js';
import { readCertificates } from './tls-files.js';
import { createTlsLoader } from './tls-reload.js';
import { createUnionOperation } from './union-operation.js';

/** What a union on listeners is made of. */
export interface UnionServerOptions {
  /** The lookupds: `host:port`, or URLs. */
  readonly addresses: readonly string[];
  readonly lookupdGraceMs: number;
  readonly pollMs: number;
  /** What the lookupds are told is in that file; `''` for nothing. */
  readonly tokenFile: string;
  /** What the certificates of lookupds are signed by is in that file; `''` for those that Node knows. */
  readonly caFile: string;
  /** Those that are about HTTP, TLS, zones, lifetimes and who may. */
  readonly options: LookupdOptions;
  readonly log: Logger;
  readonly onError: OnError;
}

/** The union of other lookupds, at the addresses for HTTP. */
export function createUnionServer(
  union: UnionServerOptions,
): Pick<Lookupd, 'listen' | 'reload' | 'close' | 'closed' | 'httpAddress'> {
  const { addresses, lookupdGraceMs, pollMs, tokenFile, caFile, log, onError } = union;
  const clock = createSteadyClock();
  const options: LookupdOptions = { ...union.options, tcpAddress: '', tcpTlsAddress: undefined };
  checkTogether({ ...options, tcpAddress: undefined });
  const { inactiveProducerTimeoutMs, tombstoneLifetimeMs, maxWatchers, zonePolicy, zones } = options;
  const access = createAccess(options, { log, clock, onError });
  const token = createTokenFile(tokenFile);
  const ca = createCaFile(caFile);
  ca.load(); // the lookupds are asked from the start
  const tls = createTlsLoader(options, () => listening.tlsServers, log);
  let operation: ReturnType<typeof createUnionOperation>;
  const handler: UnionHandler = createUnionHandler({
    ...{ clock, onError, pollMs, inactiveProducerTimeoutMs, tombstoneLifetimeMs, maxWatchers, zonePolicy },
    lookupds: toLookupds(addresses),
    graceMs: lookupdGraceMs,
    zoneOf: zones && zoneByNetwork(zones),
    authorize: access.authorize,
    token: tokenFile === '' ? undefined : token.value,
    fetch: caFile === '' ? undefined : createTlsFetch(ca.tls),
    routes: (topology) => {
      const httpConnections = () => listening.httpConnections();
      const parts = { onError, httpConnections, handler: () => handler, state: () => lifetime.state, tls };
      return (operation = createUnionOperation(options, topology, parts)).routes;
    },
  });
  const listening = createListeners(options, {
    ...{ tcpHandler: undefined, httpHandler: handler, log, clock, onError, onLimit: operation!.onLimit },
    outer: access.decorators,
    middle: operation!.decorators,
    inner: [],
    fail: (error) => lifetime.fail(error),
  });
  const { http, https } = listening;
  const { load, reload, watch } = createLoading([access, token, ca, tls], log);
  let unwatch = () => {};
  const listeners = [http, https].filter((listener) => listener !== undefined);
  const lifetime = createLifetime(listeners, {
    graceMs: options.graceMs ?? DEFAULT_GRACE_MS,
    starting: () => {
      load();
      return Promise.resolve();
    },
    started: () => {
      unwatch = watch();
      operation.start();
      log.info?.(`UNION: answering for ${addresses.join(', ')}`);
      return { tcpAddress: '', httpAddress: http?.address ?? '' };
    },
    ending: () => {
      unwatch();
      return undefined;
    },
    stopped: () => {
      operation.stop();
      handler.close();
    },
  });
  return {
    closed: lifetime.closed,
    listen: lifetime.listen,
    close: lifetime.close,
    reload,
    get httpAddress() {
      return http?.address;
    },
  };
}

/** A name stands for all of its addresses. While it does not resolve and never has, it stands for itself, as one that is down. */
function toLookupds(addresses: readonly string[]): () => Promise<readonly string[]> {
  const each = addresses.map((address) => {
    if (/^https?:/i.test(address)) return () => Promise.resolve([address]);
    const resolve = resolveLookupds(address);
    return () => resolve().catch(() => [address]);
  });
  return async () => (await Promise.all(each.map((resolve) => resolve()))).flat();
}

/** A token that is kept in a file of its own, and read again when that changes. */
function createTokenFile(path: string) {
  let token = '';
  const load = () => {
    if (path === '') return;
    const { text } = readSmallFile('-lookupd-token-file', path);
    if (!/^[!-~]+\s*$/.test(text)) throw new Error(`-lookupd-token-file ${path} has no token, or more than one`);
    token = text.trim();
  };
  return { load, value: () => token, files: path === '' ? [] : [path] };
}

/** What the certificates of lookupds are signed by, in a file that is read again when it changes. */
function createCaFile(path: string) {
  const tls: { ca?: string } = {};
  const load = () => {
    if (path !== '') tls.ca = readCertificates('-lookupd-tls-root-ca-file', path).pem;
  };
  return { load, tls, files: path === '' ? [] : [path] };
}
