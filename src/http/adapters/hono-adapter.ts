import { printError } from '../../base/error-report.js';
import { answerFetch } from './fetch-adapter.js';
import type { HttpHandler } from '../http-message.js';
import { createListener, isAnswered, type NodeHandlerOptions } from './node-adapter.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';

/** What the adapter needs of a Hono context. */
export interface HonoContext {
  /** Hono's request, with the WHATWG `Request` in it. */
  readonly req: { readonly raw: Request };
  /** The answer so far. */
  readonly res: Response;
  /** With `@hono/node-server`: Node's own request and response, as `incoming` and `outgoing`. */
  readonly env?: unknown;
}

/**
 * Makes a handler a middleware for Hono: `app.use(toHonoMiddleware(handler))`. A path that is not the handler's goes on
 * to the next one; for a prefix, decorate the handler with `underPrefix`.
 *
 * On Node the answer is written to Node's response, as a `Response` would send header names in lower case; on other
 * runtimes it is a `Response`. Headers that middlewares have set before are sent, too; on Node, those set after are not.
 *
 * @example
 * ```js
 * import { Hono } from 'hono';
 * import { createHttpHandler, RegistrationDB, toHonoMiddleware, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const app = new Hono();
 * app.use(toHonoMiddleware(createHttpHandler({ topology })));
 * console.log(await (await app.request('/topics')).text()); // {"topics":[]}
 * ```
 */
export function toHonoMiddleware(
  handler: HttpHandler,
  options: NodeHandlerOptions = {},
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  const { onError = printError } = options;
  const listener = createListener('toHonoMiddleware', handler, options);
  return async (context, next) => {
    const { req, env } = context;
    if (hasNode(env)) {
      const { incoming, outgoing } = env;
      // What middlewares have set, as for CORS: this answer does not go through Hono.
      context.res.headers.forEach((value, name) => outgoing.setHeader?.(name, value));
      if (await isAnswered(listener, incoming, outgoing)) return toAlreadySent();
      await next();
      return undefined;
    }
    const response = await answerFetch(handler, req.raw, onError);
    if (!response) await next();
    return response;
  };
}

interface NodeBindings {
  readonly incoming: NodeRequest;
  readonly outgoing: NodeResponse;
}

function hasNode(env: unknown): env is NodeBindings {
  return typeof env === 'object' && env !== null && 'incoming' in env && 'outgoing' in env;
}

/**
 * What tells `@hono/node-server` that there is nothing left to send. It puts a Response of its own in the place of the global
 * one, and would send that, or what Hono makes of it for HEAD, unseen, unless somebody has looked into it.
 */
function toAlreadySent(): Response {
  const response = new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
  Reflect.get(response, 'body');
  return response;
}
