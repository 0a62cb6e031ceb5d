import { aFunction } from '../base/options.js';
import type { HttpHandler, HttpRequest } from '../http/index.js';
import { failure } from './answers.js';

/**
 * A decorator that answers 403 `OTHER_SITE` to what a browser sends on behalf of another site's page, but for reads: who has the right
 * to write cannot be made to by a page that they happen to visit. It goes by `Sec-Fetch-Site`, and by `Origin` against `Host` where a
 * browser sends none; what is not a browser sends neither. Throws a TypeError for what is no handler.
 *
 * @example
 * ```js
 * import { createHttpHandler, decorate, RegistrationDB, Topology } from 'nsqlookupd';
 * import { refuseOtherSites } from 'nsqlookupd/page';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const handler = decorate(createHttpHandler({ topology }), refuseOtherSites);
 * const request = { method: 'POST', path: '/topic/delete', query: 'topic=orders' };
 * const headers = { host: 'lookupd.example.com', origin: 'https://evil.example' };
 * console.log((await handler({ ...request, headers }))?.status); // 403
 * console.log((await handler({ ...request, headers: {} }))?.status); // 200
 * ```
 */
export function refuseOtherSites(handler: HttpHandler): HttpHandler {
  aFunction('handler', handler);
  return (request) => (isRead(request) || isOwnSite(request) ? handler(request) : failure(403, 'OTHER_SITE'));
}

function isRead({ method }: HttpRequest): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

function isOwnSite({ headers }: HttpRequest): boolean {
  const { 'sec-fetch-site': site, origin, host } = headers;
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined) return true;
  return typeof origin === 'string' && typeof host === 'string' && /^https?:\/\/(.*)$/.exec(origin)?.[1] === host;
}
