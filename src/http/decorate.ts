import { aFunction } from '../base/options.js';
import type { HttpDecorator, HttpHandler } from './http-message.js';
import { toPlainRequest } from './plain-path.js';

/**
 * Wraps a handler in decorators, the first of them outermost. They see the plain path: `/topic/delete` for `//topic/delete`,
 * `/topic/delete/` and `/%74opic/delete`. Throws a TypeError for what is no handler or decorator.
 *
 * @example
 * ```js
 * import { createHttpHandler, createLogDecorator, decorate, orNotFound, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const logged = createLogDecorator({ log: console, clock: Date.now });
 * const handler = decorate(createHttpHandler({ topology }), logged, orNotFound);
 * await handler({ method: 'GET', path: '/ping', query: '', headers: {} }); // logs 200 GET /ping (-) …
 * ```
 */
export function decorate(handler: HttpHandler, ...decorators: readonly HttpDecorator[]): HttpHandler {
  assertHandler(handler);
  for (const decorator of decorators) aFunction('a decorator', decorator);
  const decorated = decorators.reduceRight((inner, decorator) => decorator(inner), handler);
  assertHandler(decorated);
  return (request) => decorated(toPlainRequest(request));
}

/** Throws a TypeError for what is no handler, as a host in JavaScript may give. */
export function assertHandler(handler: HttpHandler): void {
  if (typeof handler !== 'function') throw new TypeError('handler must be a function, such as createHttpHandler makes');
}
