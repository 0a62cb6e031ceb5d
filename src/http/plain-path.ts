import type { Caller, HttpRequest } from './http-message.js';
import { unescapePercent } from './query.js';

const NOT_PLAIN = /%|\/\/|[^]\/$/;

/**
 * The path without needless escapes, doubled slashes and a slash at the end; undefined if it is malformed. Plain paths stay as
 * they are: an escaped percent sign stays one, so that nothing is unescaped twice.
 */
export function toPlainPath(path: string): string | undefined {
  if (!NOT_PLAIN.test(path)) return path;
  return unescapePercent(path)
    ?.replaceAll('%', '%25')
    .replace(/\/{2,}/g, '/')
    .replace(/([^])\/$/, '$1');
}

/** The request with the plain path, which is the one that will be routed, and the path as it was sent beside it. */
export function toPlainRequest(request: HttpRequest): HttpRequest {
  if (typeof request?.path !== 'string')
    throw new TypeError('request must be an object with a method, a path and a query');
  if (!NOT_PLAIN.test(request.path)) return request;
  return withPath(request, request.path, request.basePath);
}

/** The request at another path and mount. */
export function withPath(request: HttpRequest, sentPath: string, basePath: string | undefined): HttpRequest {
  return changed(request, { path: toPlainPath(sentPath) ?? sentPath, sentPath, basePath });
}

/** The request of somebody else. */
export function withCaller(request: HttpRequest, caller: Caller): HttpRequest {
  return changed(request, { caller, remoteAddress: caller.address });
}

/** Another request; its signal is not made for that. */
function changed(request: HttpRequest, change: Partial<HttpRequest>): HttpRequest {
  const { method, path, sentPath, query, headers, basePath, remoteAddress, caller } = request;
  return {
    ...{ method, path, sentPath, query, headers, basePath, remoteAddress, caller },
    ...change,
    get signal() {
      return request.signal;
    },
  };
}
