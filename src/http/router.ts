import { isThenable, printError, report } from '../base/error-report.js';
import { aFunction, anArray, checkOptions, type Checks } from '../base/options.js';
import type { OnError } from '../registry/index.js';
import type { HttpHandler, HttpRequest, HttpResult } from './http-message.js';
import { toPlainPath, toPlainRequest } from './plain-path.js';
import { failure } from './responses.js';
import type { Action, Authorize, Refusal, RouteRow } from './route-row.js';
import { assertRow, refuse, toRoute } from './route.js';

/** Options of a router, all of which may be left out. */
export interface RouterOptions {
  /** Decides who may do what, before arguments are looked at. Default: anyone may do anything. */
  readonly authorize?: Authorize | undefined;
  /** Gets what a row or `authorize` threw, while the client gets a 500. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/** A handler that is made of rows. */
export interface RoutedHandler extends HttpHandler {
  /** All of them. */
  readonly routes: readonly RouteRow[];
}

const CHECKS: Checks<RouterOptions> = { authorize: aFunction, onError: aFunction };

interface Route {
  readonly action: Action;
  readonly answer: ReturnType<typeof toRoute>;
}

/** By path, then by method. */
type Routes = ReadonlyMap<string, ReadonlyMap<string, Route>>;

/**
 * Makes a handler of rows. However a path is written, its row is found first, then `authorize` is asked, then the row answers; at
 * once where both do. A path that is in no row is not the handler's. Throws a TypeError for a row that is none, for two of the
 * same method and path, and for an option that is unknown or of the wrong kind.
 *
 * @example
 * ```js
 * import { createRouter } from 'nsqlookupd';
 *
 * const answer = () => ({ status: 200, headers: {}, body: 'up' });
 * const handler = createRouter([{ method: 'GET', path: '/health', action: { name: 'health', kind: 'read' }, answer }], {
 *   authorize: (caller, action) => action.kind === 'read' || { status: 403 },
 * });
 * console.log((await handler({ method: 'GET', path: '//health/', query: '', headers: {} }))?.body); // up
 * ```
 */
export function createRouter(rows: readonly RouteRow[], options?: RouterOptions): RoutedHandler {
  const { authorize, onError = printError } = checkOptions('createRouter', options, CHECKS);
  anArray('rows', rows);
  const routes = toRoutes(rows);

  const admitted = ({ action, answer }: Route, request: HttpRequest) => {
    if (!authorize) return answer(request);
    const judge = (verdict: true | Refusal) => (verdict === true ? answer(request) : refuse(verdict));
    const verdict = authorize(request.caller ?? { address: request.remoteAddress }, action, request);
    return isThenable(verdict) ? Promise.resolve(verdict).then(judge) : judge(verdict);
  };

  const handle: HttpHandler = (asked) => {
    const request = toPlainRequest(asked);
    const { method, path } = request;
    const methods = routes.get(path);
    if (!methods) return redirect(request, routes);
    if (method === 'OPTIONS') return { status: 200, headers: { Allow: allow(methods) }, body: '' };
    const route = methods.get(method === 'HEAD' ? 'GET' : method);
    if (!route) return failure(405, 'METHOD_NOT_ALLOWED', { Allow: allow(methods) });
    const fail = (error: unknown) => {
      report(onError, error, `${method} ${path} threw`);
      return failure(500, 'INTERNAL_ERROR');
    };
    try {
      const result = admitted(route, request);
      return isThenable(result) ? Promise.resolve(result).catch(fail) : result;
    } catch (error) {
      return fail(error);
    }
  };
  return Object.assign(handle, { routes: [...rows] });
}

function toRoutes(rows: readonly RouteRow[]): Routes {
  const routes = new Map<string, Map<string, Route>>();
  for (const row of rows) {
    assertRow(row);
    const { method, path, action } = row;
    const methods = routes.get(path) ?? new Map<string, Route>();
    if (methods.has(method)) throw new TypeError(`there are two rows for ${method} ${path}`);
    routes.set(path, methods.set(method, { action, answer: toRoute(row) }));
  }
  return routes;
}

/** To the path that was meant, where only letter case or dot segments differ, as nsqlookupd does. */
function redirect({ method, path, query, basePath = '' }: HttpRequest, routes: Routes): HttpResult {
  const meant = withoutDots(toPlainPath(path) ?? '').toLowerCase();
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

/** In the order of nsqlookupd, which is the alphabet's. */
function allow(methods: ReadonlyMap<string, Route>): string {
  const names = [...methods.keys()].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...names, 'OPTIONS'].sort().join(', ');
}
