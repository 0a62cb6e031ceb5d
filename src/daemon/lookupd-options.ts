import type { Clock } from '../base/clock.js';
import {
  aClock,
  aFunction,
  anArray,
  aPort,
  number,
  text,
  withMethods,
  type Check,
  type Checks,
} from '../base/options.js';
import type { HttpDecorator, HttpHandlerOptions } from '../http/index.js';
import { TOPOLOGY_CHECKS, type RegistrationDB, type TopologyOptions } from '../registry/index.js';
import { TCP_HANDLER_CHECKS, type TcpHandlerOptions } from '../tcp/index.js';
import { parseAddress } from './address.js';
import { HTTP_SERVER_CHECKS, type HttpServerOptions } from './http-server.js';

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
    Partial<Omit<TcpHandlerOptions, 'topology' | 'announce' | 'timers'>>,
    Pick<HttpHandlerOptions, 'routes' | 'authorize' | 'commandLine' | 'maxCacheBytes'>,
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
   * 1,000 to 32,767,000. Default 140,000; one that is gone is given up some ten seconds later.
   */
  readonly keepAliveMs?: number | undefined;
  /** Wrap the HTTP handler, the first outermost; the log stands around them. Default: none. */
  readonly decorators?: readonly HttpDecorator[] | undefined;
  /** What ages are measured with: milliseconds. Default: one that nobody sets, `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** The registry to serve. Default: a new one. */
  readonly db?: RegistrationDB | undefined;
}

const anAddress: Check = (name, value) => {
  text(name, value);
  parseAddress(name, value as string);
};

/** Of what `createHttpHandler` is handed on. */
export const HTTP_HANDLER_CHECKS: Checks<
  Pick<HttpHandlerOptions, 'routes' | 'authorize' | 'commandLine' | 'maxCacheBytes'>
> = {
  routes: anArray,
  authorize: aFunction,
  commandLine: anArray,
  maxCacheBytes: number(0),
};

export const LOOKUPD_CHECKS: Checks<LookupdOptions> = {
  ...TOPOLOGY_CHECKS,
  ...without(TCP_HANDLER_CHECKS, 'topology', 'announce', 'timers'),
  ...HTTP_HANDLER_CHECKS,
  ...HTTP_SERVER_CHECKS,
  tcpAddress: anAddress,
  httpAddress: anAddress,
  broadcastAddress: text,
  graceMs: number(0),
  broadcastTcpPort: aPort,
  broadcastHttpPort: aPort,
  keepAliveMs: number(1000, MAX_KEEP_ALIVE_MS),
  decorators: anArray,
  clock: aClock,
  db: withMethods('a RegistrationDB', 'addProducer'),
};

function without<T extends object, K extends keyof T>(table: T, ...names: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name as K))) as Omit<T, K>;
}
