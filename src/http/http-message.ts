/** A request, as a handler wants it. */
export interface HttpRequest {
  /** In upper case, as on the request line. */
  readonly method: string;
  /**
   * Without the query, percent-encoded. A decorator gets the plain path that will be routed: without needless escapes, doubled
   * slashes and a slash at the end.
   */
  readonly path: string;
  /** The path as on the request line, where `path` is made plain; for the log. */
  readonly sentPath?: string | undefined;
  /** What follows the first `?`, as it is; `''` for none. */
  readonly query: string;
  /** By lower-case name, as `node:http` has them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Where the handler is mounted, as in `/nsq`; it has been taken off `path`, and stands in redirects. Default: `''`. */
  readonly basePath?: string | undefined;
  /** `address:port` of the client, for the log. */
  readonly remoteAddress?: string | undefined;
  /** Who asks. */
  readonly caller?: Caller | undefined;
  /**
   * Aborted when the client leaves before it has its answer, or, in Node, sends no more, which is how most leave. Made when it
   * is first read, which costs something.
   */
  readonly signal?: AbortSignal | undefined;
  /** What the very same was answered before, to be answered again while it is current. @internal */
  readonly before?: HttpResponse | undefined;
}

/** Who asks, as far as the connection tells. */
export interface Caller {
  /** `address:port`; undefined where the host does not tell. */
  readonly address?: string | undefined;
  /** The client's certificate, if the TLS server has verified it. */
  readonly certificate?: CallerCertificate | undefined;
}

/** What Node tells of a client's certificate, and more. */
export interface CallerCertificate {
  /** Such as `{ CN: 'admin' }`. */
  readonly subject: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Its other names, such as `DNS:admin.example.com`. */
  readonly subjectaltname?: string | undefined;
  /** SHA-256, in hexadecimal pairs with colons. */
  readonly fingerprint256: string;
}

/** Text (sent as UTF-8), bytes, or chunks of either that are sent as they come. Bytes are not to be changed afterwards. */
export type HttpBody = string | Uint8Array | AsyncIterable<string | Uint8Array>;

/** An answer, as a handler gives it. */
export interface HttpResponse {
  /** From 200 to 599. */
  readonly status: number;
  /**
   * In the letter case that nsqlookupd sends, which some clients compare. Where the body ends, the adapters tell: `Content-Length` and
   * `Transfer-Encoding` are left out.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** `''` for none. A request by HEAD is answered without it, by the adapters. */
  readonly body: HttpBody;
  /** For a stream that is to go on for as long as the client stays: it has no deadline as a whole, but each piece of it. Default: false. */
  readonly isEndless?: boolean | undefined;
  /** Whether all who ask the same are answered the same now. Not enumerable: a copy that says another thing does not have it. @internal */
  readonly isCurrent?: (() => boolean) | undefined;
}

/** The answer, or `undefined` for a path that is none of the handler's. Failures are answers, not throws. */
export type HttpResult = HttpResponse | undefined;

/** Answers a request, now or later. A decorated handler is one, which is why its answer is to be awaited. */
export type HttpHandler = (request: HttpRequest) => HttpResult | PromiseLike<HttpResult>;

/** Wraps a handler: to log, to check, to change an answer. */
export type HttpDecorator = (handler: HttpHandler) => HttpHandler;
