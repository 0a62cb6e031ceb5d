import type { Topology } from '../registry/index.js';
import type { HttpRequest, HttpResponse, HttpResult, SyncHttpHandler } from './http-message.js';
import { unescapePercent } from './query.js';
import { failure } from './responses.js';
import { createRoutes, type Methods, type Routes } from './routes.js';

/** The nsqlookupd whose answers these are, as `/info` and IDENTIFY tell it. */
export const NSQLOOKUPD_VERSION = '1.3.0';

export interface HttpHandlerOptions {
  readonly topology: Topology;
  /** What `/info` tells. Default: `NSQLOOKUPD_VERSION`. */
  readonly version?: string;
  /** What `/debug/pprof/cmdline` tells. Default: nothing. */
  readonly commandLine?: readonly string[];
}

/**
 * Makes the handler for consumers and nsqadmin: every route of nsqlookupd over a topology. It reads no body, and
 * answers `undefined` for a path that is none of its own. Throws a TypeError when an option is missing.
 */
export function createHttpHandler(options: HttpHandlerOptions): SyncHttpHandler {
  const { topology, version = NSQLOOKUPD_VERSION, commandLine = [] } = options;
  if (typeof topology?.lookup !== 'function') throw new TypeError('topology must be a Topology');
  const routes = createRoutes({ topology, version, commandLine });

  return (request) => {
    const methods = routes.get(request.path) ?? routes.get(plainPath(request.path) ?? '');
    if (!methods) return redirect(request, routes);
    const { method } = request;
    if (method === 'OPTIONS') return { status: 200, headers: { Allow: allow(methods) }, body: '' };
    const route = methods[method === 'HEAD' ? 'GET' : (method as keyof Methods)];
    return route ? route(request) : failure(405, 'METHOD_NOT_ALLOWED', { Allow: allow(methods) });
  };
}

/** To the path that was meant, where only letter case or dot segments differ, as nsqlookupd does. */
function redirect({ method, path, query }: HttpRequest, routes: Routes): HttpResult {
  const meant = withoutDots(plainPath(path) ?? '').toLowerCase();
  const isGet = method === 'GET' || method === 'HEAD';
  if (!routes.get(meant)?.[isGet ? 'GET' : (method as keyof Methods)]) return undefined;
  const headers = { Location: query === '' ? meant : `${meant}?${query}` };
  return { status: isGet ? 301 : 308, headers, body: '' };
}

function withoutDots(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

/** The path without escapes, doubled slashes and a slash at the end; undefined if it is malformed. */
function plainPath(path: string): string | undefined {
  return unescapePercent(path)
    ?.replace(/\/{2,}/g, '/')
    .replace(/(.)\/$/, '$1');
}

function allow({ GET, POST }: Methods): string {
  return [GET && 'GET, HEAD', 'OPTIONS', POST && 'POST'].filter(Boolean).join(', ');
}

/** For a request that nobody answered: 404, as nsqlookupd words it. */
export function answerNotFound(): HttpResponse {
  return failure(404, 'NOT_FOUND');
}
