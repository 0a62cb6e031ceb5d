import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import {
  DEFAULT_ANSWER_TIMEOUT_MS,
  DEFAULT_MAX_IGNORED_BODY_BYTES,
  DEFAULT_MAX_PIPELINED_REQUESTS,
  DEFAULT_MAX_UNSENT_BYTES,
  toNodeHandler,
  type HttpHandler,
  type NodeLimit,
} from '../http/index.js';
import type { Logger, OnError } from '../registry/index.js';
import { aBoolean, number, whole, type Checks } from '../base/options.js';
import { addFastPath, SeenHandler } from './fast-path.js';
import { sliceReads } from './http-reads.js';

/** 30 seconds: by when an HTTP request must have come whole, and how long a client may read nothing. */
export const DEFAULT_HTTP_REQUEST_TIMEOUT_MS = 30_000;
/** The longest request line and headers, together, in bytes: 16 KiB. */
export const DEFAULT_HTTP_MAX_HEADER_BYTES = 16 * 1024;
/** The most open HTTP connections. nsqlookupd has no such limit. */
export const DEFAULT_HTTP_MAX_CONNECTIONS = 10_000;
/** 2 minutes: how long a kept-alive HTTP connection may stay without a request. nsqlookupd keeps it. */
export const DEFAULT_HTTP_IDLE_TIMEOUT_MS = 120_000;

/** Limits of the HTTP listener. Times are milliseconds, from 1 to 2,147,483,647; other numbers are from 1 or 0 on. */
export interface HttpServerOptions {
  /** How long an HTTP request may take to arrive, and a client may read nothing of its answer: milliseconds. Default 30,000. */
  readonly httpRequestTimeoutMs?: number | undefined;
  /** The longest request line and headers, together, in bytes; more is answered 431. Default 16,384. */
  readonly httpMaxHeaderBytes?: number | undefined;
  /** A request with a longer body, in bytes, is answered and its connection closed. Default 65,536. */
  readonly httpMaxBodyBytes?: number | undefined;
  /** The most open HTTP connections; one more is closed at once. Default 10,000. */
  readonly httpMaxConnections?: number | undefined;
  /** How long a kept-alive HTTP connection may stay without a request. Default 120,000. */
  readonly httpIdleTimeoutMs?: number | undefined;
  /** The most unsent bytes of answers, of all connections together; the longest-waiting is cut off. Default 67,108,864. */
  readonly httpMaxUnsentBytes?: number | undefined;
  /** The most requests, of all connections together, that wait for one before them on the same connection. Default 10,000. */
  readonly httpMaxPipelinedRequests?: number | undefined;
  /** How long a client may take to read its whole answer: milliseconds. Default 300,000. */
  readonly httpAnswerTimeoutMs?: number | undefined;
  /**
   * Whether plain requests to nsqlookupd's routes that read, and to `/watch`, are read and answered without `node:http`, at less cost: the same
   * answers, but what looks into `node:http`, as tracers do, does not see them. Default: true.
   */
  readonly httpFastPath?: boolean | undefined;
}

/** Limits of the HTTP listener that are counted, by the option that sets each. */
export type HttpLimit =
  | 'httpMaxBodyBytes'
  | 'httpMaxUnsentBytes'
  | 'httpMaxPipelinedRequests'
  | 'httpAnswerTimeoutMs'
  | 'httpMaxConnections'
  | 'httpMaxHeaderBytes'
  | 'httpRequestTimeoutMs';

const LIMIT_NAMES: Readonly<Record<NodeLimit, HttpLimit>> = {
  maxIgnoredBodyBytes: 'httpMaxBodyBytes',
  maxUnsentBytes: 'httpMaxUnsentBytes',
  maxPipelinedRequests: 'httpMaxPipelinedRequests',
  answerTimeoutMs: 'httpAnswerTimeoutMs',
};

/** What Node itself answers, by the code of its error. */
const NODE_LIMITS: ReadonlyMap<unknown, HttpLimit> = new Map<unknown, HttpLimit>([
  ['HPE_HEADER_OVERFLOW', 'httpMaxHeaderBytes'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'httpRequestTimeoutMs'],
]);

interface Reporting {
  /** Told of each time that a client has met a limit. */
  readonly onLimit?: ((name: HttpLimit) => void) | undefined;
  readonly log: Logger;
  readonly onError: OnError;
  /** Whether all who may ask the same are answered the same, by nothing of the host's. Default: false. */
  readonly isAlike?: boolean;
}

const duration = number(1, 2 ** 31 - 1);
/** Checks of what an HTTP server takes from whoever makes it. */
export const HTTP_SERVER_CHECKS: Checks<HttpServerOptions> = {
  httpRequestTimeoutMs: duration,
  httpMaxHeaderBytes: whole(1, 2 ** 31 - 1),
  httpMaxBodyBytes: number(0),
  httpMaxConnections: number(1),
  httpIdleTimeoutMs: duration,
  httpMaxUnsentBytes: number(0),
  httpMaxPipelinedRequests: number(0),
  httpAnswerTimeoutMs: duration,
  httpFastPath: aBoolean,
};

const CHECK_MS = 1000;
const NOT_FOUND = '{"message":"NOT_FOUND"}';

/** An HTTP server whose clients may be slow, hostile or many; over TLS, where it is told how. */
export function createHttpServer(handler: HttpHandler, options: HttpServerOptions & Reporting): Server;
export function createHttpServer(
  handler: HttpHandler,
  options: HttpServerOptions & Reporting,
  tls: TlsOptions,
): HttpsServer;
export function createHttpServer(
  handler: HttpHandler,
  options: HttpServerOptions & Reporting,
  tls?: TlsOptions,
): Server | HttpsServer {
  const { log, onError, onLimit } = options;
  const {
    httpRequestTimeoutMs = DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
    httpMaxHeaderBytes = DEFAULT_HTTP_MAX_HEADER_BYTES,
    httpMaxBodyBytes = DEFAULT_MAX_IGNORED_BODY_BYTES,
    httpMaxConnections = DEFAULT_HTTP_MAX_CONNECTIONS,
    httpIdleTimeoutMs = DEFAULT_HTTP_IDLE_TIMEOUT_MS,
    httpMaxUnsentBytes = DEFAULT_MAX_UNSENT_BYTES,
    httpMaxPipelinedRequests = DEFAULT_MAX_PIPELINED_REQUESTS,
    httpAnswerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS,
    httpFastPath = true,
  } = options;
  for (const [name, check] of Object.entries(HTTP_SERVER_CHECKS)) {
    const value = options[name as keyof HttpServerOptions];
    if (value !== undefined) check(name, value);
  }
  const timeoutMs = Math.ceil(httpRequestTimeoutMs);
  const seen = new SeenHandler(handler);
  const listener = toNodeHandler(seen.handle, {
    maxIgnoredBodyBytes: httpMaxBodyBytes,
    maxUnsentBytes: httpMaxUnsentBytes,
    maxPipelinedRequests: httpMaxPipelinedRequests,
    answerTimeoutMs: httpAnswerTimeoutMs,
    onLimit: onLimit && ((name) => onLimit(LIMIT_NAMES[name])),
    onError,
  });
  const serverOptions = {
    maxHeaderSize: httpMaxHeaderBytes,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, timeoutMs),
    keepAliveTimeout: Math.ceil(httpIdleTimeoutMs),
    noDelay: true,
  };
  const server = tls
    ? process.getBuiltinModule('node:https').createServer({ ...serverOptions, ...tls })
    : createServer(serverOptions);
  sliceReads(server);
  server.timeout = timeoutMs; // for who does not read its answer
  server.maxConnections = httpMaxConnections;
  // A client that has sent its last still gets its answers. Node documents it nowhere, and has had it since 0.5.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Over TLS the connection is told so, too; not before its handshake, as nobody answers there.
  server.on('secureConnection', (socket: Socket) => (socket.allowHalfOpen = true));
  const last = new WeakMap<Socket, ServerResponse>();
  server.on('request', (request, response) => {
    last.set(request.socket, response);
    listener(request, response);
  });
  // A client that waits for its answer, and has read all that was sent, is not at fault.
  server.on('timeout', (socket: Socket) => {
    const response = last.get(socket);
    const isUnread = socket.writableLength > 0;
    if (response && !response.writableFinished && !isUnread) return;
    if (!response || isUnread) onLimit?.('httpRequestTimeoutMs'); // else it was idle
    socket.destroy();
  });
  if (onLimit) countNodeLimits(server, onLimit);
  // A body that waits for leave to be sent is not wanted: the answer comes instead of the leave.
  server.on('checkContinue', (request, response) => {
    last.set(request.socket, response);
    listener(request, response);
  });
  server.on('connect', ({ socket }) => {
    socket.on('error', () => socket.destroy());
    socket.setTimeout(timeoutMs, () => socket.destroy()); // the server has let go of it
    const head = `HTTP/1.1 404 Not Found\r\nContent-Type: application/json; charset=utf-8\r\nConnection: close\r\n`;
    const refuse = () =>
      socket.end(`${head}Content-Length: ${NOT_FOUND.length}\r\n\r\n${NOT_FOUND}`, () => socket.destroy());
    const before = last.get(socket);
    // The server has let go of answers that are not out, too: what came after them would stand in their midst.
    if (!before || before.closed || before.writableFinished) refuse();
    else socket.destroy();
  });
  if (httpFastPath && !tls)
    addFastPath(server, seen, {
      isAlike: options.isAlike === true,
      handsOver: (socket) => last.delete(socket), // what it answered is out, and it is not idle
      maxHeaderBytes: httpMaxHeaderBytes,
      requestTimeoutMs: timeoutMs,
      idleTimeoutMs: Math.ceil(httpIdleTimeoutMs),
    });
  server.on('drop', (data) => {
    const { remoteAddress, remotePort } = data as { remoteAddress?: string; remotePort?: number };
    onLimit?.('httpMaxConnections');
    log.error?.(`HTTP: too many connections, dropped ${remoteAddress}:${remotePort}`);
  });
  return server;
}

/** Counts what Node answers by itself; a listener of `clientError` would have to answer in its place. */
function countNodeLimits(server: Server | HttpsServer, onLimit: (name: HttpLimit) => void): void {
  const emit = server.emit.bind(server) as (...args: unknown[]) => boolean;
  server.emit = (...args: unknown[]) => {
    const limit = args[0] === 'clientError' ? NODE_LIMITS.get((args[1] as NodeJS.ErrnoException).code) : undefined;
    if (limit) onLimit(limit);
    return emit(...args);
  };
}

/** Follows which connections of a server have requests in flight. */
export class RequestTracker {
  /** The last request's response of each open connection; those before it are answered before it. */
  readonly #last = new Map<Socket, ServerResponse | undefined>();
  #ending = false;

  constructor(server: Server | HttpsServer) {
    const event = 'setSecureContext' in server ? 'secureConnection' : 'connection';
    const last = this.#last;
    const forget = function (this: Socket) {
      last.delete(this);
    };
    server.on(event, (socket: Socket) => {
      last.set(socket, undefined);
      socket.on('close', forget);
    });
    for (const event of ['request', 'checkContinue'] as const) {
      server.prependListener(event, ({ socket }: IncomingMessage, response: ServerResponse) => {
        if (this.#last.has(socket)) this.#last.set(socket, response);
        if (this.#ending) this.#endAfter(response, socket);
      });
    }
  }

  /** How many connections are open. */
  get size(): number {
    return this.#last.size;
  }

  /** Closes the connections without a request in flight now, and each other one when its last is answered. */
  end(): void {
    this.#ending = true;
    for (const [socket, response] of this.#last) {
      if (!response || response.closed) socket.destroy();
      else this.#endAfter(response, socket);
    }
  }

  /** Ends them all, whatever is in flight. */
  cutOff(): void {
    for (const socket of this.#last.keys()) socket.destroy();
  }

  #endAfter(response: ServerResponse, socket: Socket): void {
    response.once('close', () => {
      if (this.#last.get(socket) === response) socket.end(); // else one that came after it does
    });
  }
}
