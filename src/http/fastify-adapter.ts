import type { HttpHandler } from './http-message.js';
import { toNodeHandler, type NodeHandlerOptions, type NodeRequest, type NodeResponse } from './node-adapter.js';
import { underPrefix } from './prefix.js';

/** What the adapter needs of a Fastify instance. */
export interface FastifyScope {
  readonly prefix: string;
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown;
  all(path: string, route: (request: FastifyRequest, reply: FastifyReply) => void): unknown;
}

export interface FastifyRequest {
  readonly raw: NodeRequest;
}

export interface FastifyReply {
  readonly raw: NodeResponse;
  callNotFound(): unknown;
  send(error: unknown): unknown;
}

/**
 * Makes a handler a plugin for Fastify 5: `app.register(toFastifyPlugin(handler), { prefix: '/nsq' })`, or without a
 * prefix at the root. Routes of the host's own go before it. What is not the handler's goes to the host's
 * not-found handler. No parser of the host's sees a body, so that none answers 415 or 400 for it.
 */
export function toFastifyPlugin(
  handler: HttpHandler,
  options: NodeHandlerOptions = {},
): (scope: FastifyScope, options: unknown, done: () => void) => void {
  return (scope, _options, done) => {
    const mounted = scope.prefix === '' ? handler : underPrefix(scope.prefix)(handler);
    const listener = toNodeHandler(mounted, options);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all('/*', ({ raw }, reply) => {
      listener(raw, reply.raw, (error) => {
        if (error === undefined) reply.callNotFound();
        else reply.send(error);
      });
    });
    done();
  };
}
