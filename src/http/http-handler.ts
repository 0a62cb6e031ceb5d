import { isThenable, printError, report } from '../base/error-report.js';
import { NSQLOOKUPD_VERSION, type OnError, type Topology } from '../registry/index.js';
import { atLeast } from '../base/options.js';
import type { HttpHandler, HttpRequest, HttpResponse, HttpResult, SyncHttpHandler } from './http-message.js';
import { unescapePercent } from './query.js';
import { failure } from './responses.js';
import { createRoutes, type Route } from './routes.js';

/** How much memory answers may take that are kept until they change, in bytes: 64 MiB. */
export const DEFAULT_MAX_CACHE_BYTES = 64 * 1024 * 1024;

/** What an HTTP handler is made of. */
export interface HttpHandlerOptions {
  /** What is asked and changed. */
  readonly topology: Topology;
  /** What `/info` tells. Default: `NSQLOOKUPD_VERSION`. */
  readonly version?: string | undefined;
  /** What `/debug/pprof/cmdline` tells. Default: nothing. */
  readonly commandLine?: readonly string[] | undefined;
  /** How many bytes of memory answers may take that are kept until they change. Default 67,108,864 (64 MiB); 0 keeps none. */
  readonly maxCacheBytes?: number | undefined;
  /** Gets what the topology's clock threw, while the client gets a 500. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** By path, then by method. */
type Routes = Map<string, Map<string, Route>>;

/**
 * Makes the handler for consumers and nsqadmin: every route of nsqlookupd over a topology. It reads no body, and
 * answers `undefined` for a path that is none of its own. Throws a TypeError when an option is missing; never later.
 *
 * @example
 * ```js
 * import { createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = createHttpHandler({ topology });
 * const request = { method: 'GET', path: '/lookup', query: 'topic=orders', headers: {} };
 * console.log(handler(request)?.status); // 404
 * console.log(handler({ ...request, path: '/mine' })); // undefined
 * ```
 */
export function createHttpHandler(options: HttpHandlerOptions): SyncHttpHandler {
  const { topology, version = NSQLOOKUPD_VERSION, commandLine = [], onError = printError } = options ?? {};
  if (typeof topology?.lookup !== 'function') throw new TypeError('topology must be a Topology');
  const maxCacheBytes = atLeast(0, 'maxCacheBytes', options.maxCacheBytes ?? DEFAULT_MAX_CACHE_BYTES);
  const routes: Routes = new Map();
  for (const [method, path, route] of createRoutes({ topology, version, commandLine, maxCacheBytes })) {
    const methods = routes.get(path) ?? new Map<string, Route>();
    routes.set(path, methods.set(method, route));
  }

  return (request) => {
    const methods = routes.get(request.path) ?? routes.get(plainPath(request.path) ?? '');
    if (!methods) return redirect(request, routes);
    if (request.method === 'OPTIONS') return { status: 200, headers: { Allow: allow(methods) }, body: '' };
    const route = methods.get(request.method === 'HEAD' ? 'GET' : request.method);
    if (!route) return failure(405, 'METHOD_NOT_ALLOWED', { Allow: allow(methods) });
    try {
      return route(request);
    } catch (error) {
      report(onError, error, `${request.method} ${request.path} threw`);
      return failure(500, 'INTERNAL_ERROR');
    }
  };
}

/** To the path that was meant, where only letter case or dot segments differ, as nsqlookupd does. */
function redirect({ method, path, query, basePath = '' }: HttpRequest, routes: Routes): HttpResult {
  const meant = withoutDots(plainPath(path) ?? '').toLowerCase();
  const isGet = method === 'GET' || method === 'HEAD';
  if (!routes.get(meant)?.has(isGet ? 'GET' : method)) return undefined;
  const location = `${basePath}${meant}${query === '' ? '' : `?${query}`}`;
  if (!isGet) return { status: 307, headers: { Location: location }, body: '' };
  const headers = { 'Content-Type': 'text/html; charset=utf-8', Location: location };
  return { status: 301, headers, body: `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n` };
}

function withoutDots(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The path without escapes, doubled slashes and a slash at the end; undefined if it is malformed. */
function plainPath(path: string): string | undefined {
  return unescapePercent(path)
    ?.replace(/\/{2,}/g, '/')
    .replace(/(.)\/$/, '$1');
}

/** In the order of nsqlookupd, which is the alphabet's. */
function allow(methods: ReadonlyMap<string, Route>): string {
  const names = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...names, 'OPTIONS'].sort().join(', ');
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
  return (request) => {
    const result = handler(request);
    if (isThenable(result)) return result.then((answer) => answer ?? answerNotFound());
    return result ?? answerNotFound();
  };
}
