import { aFunction, anArray } from '../base/options.js';
import { assertHandler } from './decorate.js';
import type { HttpDecorator } from './http-message.js';
import { failure, toJson } from './responses.js';

/** What is answered without TLS all the same: nothing that anybody must not know. */
const OPEN_PATHS = ['/ping', '/healthz', '/readyz'];

/**
 * A decorator for a plain port beside one with TLS: 403 `{"message":"TLS_REQUIRED","https_port":N}`, which nsqadmin follows, to all
 * but those paths (default: `/ping`, `/healthz` and `/readyz`). Throws a TypeError when `httpsPort` is no function.
 *
 * @example
 * ```js
 * import { createHttpHandler, decorate, RegistrationDB, requireTls, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const plain = decorate(createHttpHandler({ topology }), requireTls(() => 4163));
 * const request = { method: 'GET', path: '/nodes', query: '', headers: {} };
 * console.log((await plain(request))?.body); // {"message":"TLS_REQUIRED","https_port":4163}
 * ```
 */
export function requireTls(httpsPort: () => number, openPaths: readonly string[] = OPEN_PATHS): HttpDecorator {
  aFunction('httpsPort', httpsPort);
  anArray('openPaths', openPaths);
  const open = new Set(openPaths);
  return (handler) => {
    assertHandler(handler);
    return (request) => {
      if (open.has(request.path)) return handler(request);
      const message = 'TLS_REQUIRED';
      return { ...failure(403, 'TLS_REQUIRED'), body: toJson({ message, https_port: httpsPort() }) };
    };
  };
}
