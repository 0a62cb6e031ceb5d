import type { HttpHandler } from './http-message.js';
import { toNodeHandler, type NodeHandlerOptions, type NodeRequest, type NodeResponse } from './node-adapter.js';

/** What the adapter needs of a Koa context. */
export interface KoaContext {
  /** Node's own. */
  readonly req: NodeRequest;
  /** Node's own. */
  readonly res: NodeResponse;
  /** False for an answer that Koa is to keep out of. */
  respond?: boolean;
}

/**
 * Makes a handler a middleware for Koa: `app.use(toKoaMiddleware(handler))`. A path that is not the handler's goes on to
 * the next middleware; for a prefix, decorate the handler with `underPrefix`.
 *
 * @example
 * ```js
 * import Koa from 'koa';
 * import { createHttpHandler, RegistrationDB, toKoaMiddleware, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const app = new Koa();
 * app.use(toKoaMiddleware(createHttpHandler({ topology })));
 * ```
 */
export function toKoaMiddleware(
  handler: HttpHandler,
  options: NodeHandlerOptions = {},
): (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown> {
  const listener = toNodeHandler(handler, options);
  return (context, next) =>
    new Promise((resolve, reject) => {
      if (context.res.destroyed) return resolve(undefined); // the client has gone: it would close no more
      const { respond } = context;
      context.respond = false; // Koa would write the head itself, in lower case
      context.res.on('close', () => resolve(undefined));
      listener(context.req, context.res, (error) => {
        if (respond === undefined) delete context.respond;
        else context.respond = respond;
        if (error === undefined) resolve(next());
        // As it was thrown, whatever it is.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        else reject(error);
      });
    });
}
