import { isThenable } from '../base/error-report.js';
import {
  aFunction,
  anArray,
  checkOptions,
  number,
  oneOf,
  required,
  text,
  withMethods,
  type Checks,
} from '../base/options.js';
import { NSQLOOKUPD_VERSION, type OnError, type Topology } from '../registry/index.js';
import { assertHandler } from './decorate.js';
import type { HttpHandler, HttpResponse } from './http-message.js';
import { failure } from './responses.js';
import type { Authorize, RouteRow } from './route-row.js';
import { createRouter, type RoutedHandler } from './router.js';
import { createRoutes } from './routes.js';
import { ZONE_POLICIES, type ZoneOf, type ZonePolicy } from './zones.js';

/** How much memory answers may take that are kept until they change, in bytes: 64 MiB. */
export const DEFAULT_MAX_CACHE_BYTES = 64 * 1024 * 1024;

/** What an HTTP handler is made of. */
export interface HttpHandlerOptions {
  /** What is asked and changed. */
  readonly topology: Topology;
  /** Routes beside nsqlookupd's. */
  readonly routes?: readonly RouteRow[] | undefined;
  /** Decides who may do what. Default: anyone may do anything. */
  readonly authorize?: Authorize | undefined;
  /** What `/info` tells. Default: `NSQLOOKUPD_VERSION`. */
  readonly version?: string | undefined;
  /** How much memory answers that are kept until they change may take, in bytes. Default 67,108,864 (64 MiB); 0 keeps none. */
  readonly maxCacheBytes?: number | undefined;
  /**
   * Whether `/lookup` takes into account where the caller is: `off`, `prefer` (the producers of its zone if any is active there, else of its region,
   * else all) or `order` (all, the nearest first). Default `off`.
   */
  readonly zonePolicy?: ZonePolicy | undefined;
  /** Where a caller is who does not say it with `zone=Z&region=R`, such as `zoneByNetwork` makes. Default: nobody knows. */
  readonly zoneOf?: ZoneOf | undefined;
  /** Gets what the topology's clock, a row or `authorize` threw, while the client gets a 500. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<HttpHandlerOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'deletingTopic')),
  routes: anArray,
  authorize: aFunction,
  version: text,
  maxCacheBytes: number(0),
  zonePolicy: oneOf(ZONE_POLICIES),
  zoneOf: aFunction,
  onError: aFunction,
};

/**
 * Makes the handler for consumers and nsqadmin: every route of nsqlookupd over a topology, and those that are handed in. It
 * reads no body, and answers `undefined` for a path that is none of its own. It answers at once, unless `authorize` or a row
 * of the host's does not, or what is to be done is long. Throws a TypeError that names the option when one is unknown, missing,
 * or of the wrong kind.
 *
 * @example
 * ```js
 * import { createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = createHttpHandler({ topology });
 * const request = { method: 'GET', path: '/lookup', query: 'topic=orders', headers: {} };
 * console.log((await handler(request))?.status); // 404
 * console.log(await handler({ ...request, path: '/mine' })); // undefined
 * ```
 */
export function createHttpHandler(options: HttpHandlerOptions): RoutedHandler {
  const checked = checkOptions('createHttpHandler', options, CHECKS);
  const { topology, version = NSQLOOKUPD_VERSION, maxCacheBytes = DEFAULT_MAX_CACHE_BYTES } = checked;
  const { zonePolicy = 'off', zoneOf } = checked;
  const rows = createRoutes({ topology, version, maxCacheBytes, zonePolicy, zoneOf });
  return createRouter([...rows, ...(options.routes ?? [])], { authorize: options.authorize, onError: options.onError });
}

/**
 * For a request that nobody answered: 404, as nsqlookupd words it.
 *
 * @example
 * ```js
 * import { answerNotFound } from 'nsqlookupd';
 *
 * console.log(answerNotFound().body); // {"message":"NOT_FOUND"}
 * ```
 */
export function answerNotFound(): HttpResponse {
  return failure(404, 'NOT_FOUND');
}

/**
 * A decorator for where no other routes follow: what the handler leaves to the host is answered 404.
 *
 * @example
 * ```js
 * import { createHttpHandler, decorate, orNotFound, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = decorate(createHttpHandler({ topology }), orNotFound);
 * console.log((await handler({ method: 'GET', path: '/mine', query: '', headers: {} }))?.status); // 404
 * ```
 */
export function orNotFound(handler: HttpHandler): HttpHandler {
  assertHandler(handler);
  return (request) => {
    const result = handler(request);
    if (isThenable(result)) return result.then((answer) => answer ?? answerNotFound());
    return result ?? answerNotFound();
  };
}
