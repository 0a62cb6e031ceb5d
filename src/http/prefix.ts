import { assertHandler } from './decorate.js';
import type { HttpDecorator } from './http-message.js';
import { toPlainPath, withPath } from './plain-path.js';

/**
 * A decorator that mounts a handler under a prefix: with `/nsq`, `/nsq/lookup?topic=t` is the handler's
 * `/lookup?topic=t`, and a path without the prefix is not the handler's. Letter case counts.
 *
 * Throws a TypeError unless the prefix begins with `/`, does not end with one, and has neither `?` nor `#`.
 *
 * @example
 * ```js
 * import { createHttpHandler, decorate, RegistrationDB, toFetchHandler, Topology, underPrefix } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const fetch = toFetchHandler(decorate(createHttpHandler({ topology }), underPrefix('/nsq')));
 * console.log(await (await fetch(new Request('http://host/nsq/topics'))).text()); // {"topics":[]}
 * ```
 */
export function underPrefix(prefix: string): HttpDecorator {
  if (!/^\/[^?#]*[^/?#]$/.test(prefix)) throw new TypeError(`prefix must be like /nsq, and is ${prefix}`);
  return (handler) => {
    assertHandler(handler);
    return (request) => {
      const { path, basePath = '', sentPath = path } = request;
      const sent = toPlainPath(sentPath) === path ? sentPath : path; // unless a decorator has given it another one
      if (!sent.startsWith(`${prefix}/`)) return undefined;
      return handler(withPath(request, sent.slice(prefix.length), basePath + prefix));
    };
  };
}
