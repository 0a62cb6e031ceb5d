import type { HttpHandler } from '../http-message.js';
import { createListener, isAnswered, type NodeHandlerOptions } from './node-adapter.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';

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
  const listener = createListener('toKoaMiddleware', handler, options);
  return async (context, next) => {
    const { respond } = context;
    context.respond = false; // Koa would write the head itself, in lower case
    let isOut = false;
    try {
      isOut = await isAnswered(listener, context.req, context.res);
    } finally {
      if (!isOut) restore(context, respond);
    }
    if (!isOut) await next();
  };
}

function restore(context: KoaContext, respond: boolean | undefined): void {
  if (respond === undefined) delete context.respond;
  else context.respond = respond;
}
