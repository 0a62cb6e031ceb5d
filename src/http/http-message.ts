/** A request, as a handler wants it. */
export interface HttpRequest {
  /** In upper case, as on the request line. */
  readonly method: string;
  /** As on the request line, percent-encoded, without the query. */
  readonly path: string;
  /** What follows the first `?`, as it is; `''` for none. */
  readonly query: string;
  /** By lower-case name, as `node:http` has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Where the handler is mounted, as in `/nsq`; it has been taken off `path`, and stands in redirects. Default: `''`. */
  readonly basePath?: string | undefined;
  /** `address:port` of the client, for the log. */
  readonly remoteAddress?: string | undefined;
}

/** Text (sent as UTF-8), bytes, or chunks of either that are sent as they come. Bytes are not to be changed afterwards. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** An answer, as a handler gives it. */
export interface HttpResponse {
  /** From 200 to 599. */
  readonly status: number;
  /** In the letter case that nsqlookupd sends, which some clients compare. */
  readonly headers: Readonly<Record<string, string>>;
  /** `''` for none. A request by HEAD is answered without it, by the adapters. */
  readonly body: HttpBody;
}

/** The answer, or `undefined` for a path that is none of the handler's. Failures are answers, not throws. */
export type HttpResult = HttpResponse | undefined;

/** Answers a request, now or later. A decorated handler is one, which is why its answer is to be awaited. */
export type HttpHandler = (request: HttpRequest) => HttpResult | PromiseLike<HttpResult>;

/** A handler that answers at once, which is what `createHttpHandler` makes. */
export type SyncHttpHandler = (request: HttpRequest) => HttpResult;

/** Wraps a handler: to log, to check, to change an answer. */
export type HttpDecorator = (handler: HttpHandler) => HttpHandler;

/**
 * Wraps a handler in decorators, the first of them outermost.
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
  return decorators.reduceRight((inner, decorator) => decorator(inner), handler);
}

/** Throws a TypeError for what is no handler, as a host in JavaScript may give. */
export function assertHandler(handler: HttpHandler): void {
  if (typeof handler !== 'function') throw new TypeError('handler must be a function, such as createHttpHandler makes');
}
