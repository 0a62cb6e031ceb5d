import type { HttpHandler } from '../http-message.js';
import { createListener, type NodeHandlerOptions } from './node-adapter.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';
import { underPrefix } from '../prefix.js';

/** What the adapter needs of a Fastify instance. */
export interface FastifyScope {
  /** Where the plugin is mounted; `''` for the root. */
  readonly prefix: string;
  /** Makes the scope forget how bodies are read. */
  removeAllContentTypeParsers(): unknown;
  /** Says how bodies of a content type are read; `*` for all others. */
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown;
  /** Adds a route for all methods. */
  all(path: string, route: (request: FastifyRequest, reply: FastifyReply) => void): unknown;
}

/** What the adapter needs of a Fastify request. */
export interface FastifyRequest {
  /** Node's own. */
  readonly raw: NodeRequest;
}

/** What the adapter needs of a Fastify reply. */
export interface FastifyReply {
  /** Node's own. */
  readonly raw: NodeResponse;
  /** The headers that the host's hooks have set. */
  getHeaders(): Readonly<Record<string, string | number | readonly string[] | undefined>>;
  /** Lets the host's not-found handler answer. */
  callNotFound(): unknown;
  /** Lets the host's error handler answer, for an error. */
  send(error: unknown): unknown;
}

/**
 * Makes a handler a plugin for Fastify 5: `app.register(toFastifyPlugin(handler), { prefix: '/nsq' })`, or without a
 * prefix at the root. Routes of the host's own go before it. What is not the handler's goes to the host's
 * not-found handler. No parser of the host's sees a body, so that none answers 415 or 400 for it. Headers that hooks have set
 * before are sent, too; `onSend` hooks do not see the answers.
 *
 * @example
 * ```js
 * import Fastify from 'fastify';
 * import { createHttpHandler, RegistrationDB, toFastifyPlugin, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const app = Fastify();
 * await app.register(toFastifyPlugin(createHttpHandler({ topology })), { prefix: '/nsq' });
 * console.log((await app.inject('/nsq/topics')).body); // {"topics":[]}
 * ```
 */
export function toFastifyPlugin(
  handler: HttpHandler,
  options: NodeHandlerOptions = {},
): (scope: FastifyScope, options: unknown, done: () => void) => void {
  const of = 'toFastifyPlugin';
  createListener(of, handler, options); // tells a misuse now, not when the plugin is loaded
  return (scope, _options, done) => {
    const prefix = scope.prefix.replace(/\/+$/, '');
    const mounted = prefix === '' ? handler : underPrefix(prefix)(handler);
    const listener = createListener(of, mounted, options);
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, parsed) => parsed(null));
    scope.all('/*', ({ raw }, reply) => {
      // What hooks have set, as for CORS: this answer does not go through Fastify.
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader?.(name, value);
      }
      listener(raw, reply.raw, (error) => {
        if (error === undefined) reply.callNotFound();
        else reply.send(error instanceof Error ? error : new Error('an HTTP handler threw', { cause: error }));
      });
    });
    done();
  };
}
