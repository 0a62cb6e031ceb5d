import type { Clock } from '../base/clock.js';
import {
  aBoolean,
  aClock,
  aFunction,
  anArray,
  aPort,
  number,
  oneOf,
  text,
  withMethods,
  type Check,
  type Checks,
} from '../base/options.js';
import { ZONE_POLICIES, type HttpDecorator, type HttpHandlerOptions } from '../http/index.js';
import { TOPOLOGY_CHECKS, type RegistrationDB, type TopologyOptions } from '../registry/index.js';
import { TCP_HANDLER_CHECKS, type TcpHandlerOptions } from '../tcp/index.js';
import { ACCESS_CHECKS, type AccessOptions } from './access-options.js';
import { parseAddress } from './address.js';
import { KEEPING_CHECKS, type KeepingOptions } from './keeping.js';
import { HTTP_SERVER_CHECKS, type HttpServerOptions } from './http-server.js';
import { OPERATION_CHECKS, type OperationOptions } from './operation.js';
import { SHARING_CHECKS, type SharingOptions } from './sharing.js';
import { checkTls, TLS_CHECKS, type TlsOptions } from './tls.js';

/** Where nsqlookupd listens for peers: all of the machine's addresses. */
export const DEFAULT_TCP_ADDRESS = '0.0.0.0:4160';
/** Where nsqlookupd listens for HTTP: all of the machine's addresses. */
export const DEFAULT_HTTP_ADDRESS = '0.0.0.0:4161';
/** 5 seconds: how long `close` waits for HTTP requests in flight. */
export const DEFAULT_GRACE_MS = 5000;
/** 140 seconds: with the system's probes, a silent peer is given up after about 150, as by nsqlookupd. */
export const DEFAULT_KEEP_ALIVE_MS = 140_000;

/** The longest that Linux takes. */
export const MAX_KEEP_ALIVE_MS = 32_767_000;
/** The longest that a timer takes; of bytes, the most that Node's parser takes. */
export const MAX_INT32 = 2 ** 31 - 1;

/** Options of the parts are passed on to them, and documented there. */
export interface LookupdOptions
  extends
    Partial<Omit<TopologyOptions, 'db' | 'clock'>>,
    Partial<Omit<TcpHandlerOptions, 'topology' | 'announce' | 'observe' | 'timers'>>,
    Pick<HttpHandlerOptions, 'routes' | 'authorize' | 'maxCacheBytes' | 'zonePolicy' | 'zoneOf'>,
    HttpServerOptions,
    KeepingOptions,
    SharingOptions,
    OperationOptions,
    TlsOptions,
    AccessOptions {
  /** `host:port` for peers (nsqds). Default `0.0.0.0:4160`; port 0 picks a free one. `''` for none, beside `tcpTlsAddress`. */
  readonly tcpAddress?: string | undefined;
  /** `host:port` for consumers and nsqadmin. Default `0.0.0.0:4161`; port 0 picks a free one. `''` for none, beside `httpsAddress`. */
  readonly httpAddress?: string | undefined;
  /** `host:port` for peers over TLS; port 0 picks a free one. nsqd cannot, a `PeerClient` can. Default: none. */
  readonly tcpTlsAddress?: string | undefined;
  /** `host:port` for HTTPS; port 0 picks a free one. Default: none. */
  readonly httpsAddress?: string | undefined;
  /**
   * Whether the plain HTTP port answers 403 `{"message":"TLS_REQUIRED","https_port":N}` to all but `/ping`, `/healthz` and
   * `/readyz`. Default: whether there are a `httpsAddress` and a `tlsClientAuthPolicy`, as in nsqd.
   */
  readonly tlsRequired?: boolean | undefined;
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
   * 1,000 to 32,767,000. Default 140,000; one that is gone is given up some ten seconds later.
   */
  readonly keepAliveMs?: number | undefined;
  /** The most clients that watch at once (`/watch`), or wait in a read with an `index`, from 0 on; with 0 no changes are kept. Default 10,000. */
  readonly maxWatchers?: number | undefined;
  /** Wrap the HTTP handler, the first outermost; the log stands around them. Default: none. */
  readonly decorators?: readonly HttpDecorator[] | undefined;
  /** The clock that ages are measured with, in milliseconds. Default: a monotonic one, `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** Whether to answer under `/debug/pprof`, as `createProfiles` does. Default: false. */
  readonly pprof?: boolean | undefined;
  /** Whether to answer `/findings`, with what is wrong with the topology. Default: false. */
  readonly findings?: boolean | undefined;
  /** Whether to serve the page at `/ui`, and refuse writes from other sites' pages. Default: false. */
  readonly ui?: boolean | undefined;
  /** What `/debug/pprof/cmdline` tells. Default: nothing. */
  readonly commandLine?: readonly string[] | undefined;
  /** The registry to serve. Default: a new one. */
  readonly db?: RegistrationDB | undefined;
}

const anAddress: Check = (name, value) => {
  text(name, value);
  parseAddress(name, value as string);
};

const anAddressOrNone: Check = (name, value) => {
  if (value !== '') anAddress(name, value);
};

/** Of what `createHttpHandler` is handed on. */
export const HTTP_HANDLER_CHECKS: Checks<
  Pick<HttpHandlerOptions, 'routes' | 'authorize' | 'maxCacheBytes' | 'zonePolicy' | 'zoneOf'>
> = {
  routes: anArray,
  authorize: aFunction,
  maxCacheBytes: number(0),
  zonePolicy: oneOf(ZONE_POLICIES),
  zoneOf: aFunction,
};

export const LOOKUPD_CHECKS: Checks<LookupdOptions> = {
  ...TOPOLOGY_CHECKS,
  ...without(TCP_HANDLER_CHECKS, 'topology', 'announce', 'observe', 'timers'),
  ...HTTP_HANDLER_CHECKS,
  ...HTTP_SERVER_CHECKS,
  ...KEEPING_CHECKS,
  ...SHARING_CHECKS,
  ...OPERATION_CHECKS,
  ...TLS_CHECKS,
  ...ACCESS_CHECKS,
  tcpAddress: anAddressOrNone,
  httpAddress: anAddressOrNone,
  tcpTlsAddress: anAddress,
  httpsAddress: anAddress,
  tlsRequired: aBoolean,
  broadcastAddress: text,
  commandLine: anArray,
  pprof: aBoolean,
  findings: aBoolean,
  ui: aBoolean,
  graceMs: number(0),
  broadcastTcpPort: aPort,
  broadcastHttpPort: aPort,
  keepAliveMs: number(1000, MAX_KEEP_ALIVE_MS),
  maxWatchers: number(0),
  decorators: anArray,
  clock: aClock,
  db: withMethods('a RegistrationDB', 'addProducer'),
};

/** Throws a TypeError for options that do not go together. */
export function checkTogether(options: LookupdOptions): void {
  const { tcpAddress, httpAddress, tcpTlsAddress, httpsAddress, tlsRequired } = options;
  if (tcpAddress === '' && tcpTlsAddress === undefined) throw new TypeError('tcpAddress "" needs a tcpTlsAddress');
  if (httpAddress === '' && httpsAddress === undefined) throw new TypeError('httpAddress "" needs an httpsAddress');
  if (options.zoneOf && options.zones) throw new TypeError('createLookupd takes zones or a zoneOf, not both');
  if (tlsRequired === true && httpsAddress === undefined) throw new TypeError('tlsRequired needs an httpsAddress');
  if (tcpTlsAddress !== undefined || httpsAddress !== undefined) checkTls(options);
}

function without<T extends object, K extends keyof T>(table: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}
