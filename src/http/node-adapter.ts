import { joinHostPort } from '../registry/host-port.js';
import type { HttpBody, HttpHandler, HttpRequest, HttpResult } from './http-message.js';
import { answerNotFound } from './http-handler.js';
import { failure } from './responses.js';

/** What the adapter needs of a `node:http` (or Express, Connect) request. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: HttpRequest['headers'];
  readonly socket: { readonly remoteAddress?: string | undefined; readonly remotePort?: number | undefined };
}

/** What the adapter needs of a `node:http` response. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
  write(chunk: string | Uint8Array): boolean;
  end(chunk?: string | Uint8Array): unknown;
  destroy(error?: Error): unknown;
  on(event: 'drain' | 'close', listener: () => void): unknown;
  readonly headersSent: boolean;
  readonly destroyed: boolean;
}

export type NodeListener = (request: NodeRequest, response: NodeResponse, next?: (error?: unknown) => void) => void;

const encoder = new TextEncoder();

/**
 * Makes a handler a listener for `http.createServer`, or a middleware: a path that is not the handler's goes to
 * `next`, or without one is answered 404. A handler that throws is answered 500, or goes to `next` as an error.
 */
export function toNodeHandler(handler: HttpHandler): NodeListener {
  return (request, response, next) => {
    const reply = (result: HttpResult) => {
      if (result) send(response, result, request.method === 'HEAD');
      else if (next) next();
      else send(response, answerNotFound(), request.method === 'HEAD');
    };
    const fail = (error: unknown) => {
      if (response.headersSent) response.destroy();
      else if (next) next(error);
      else send(response, failure(500, 'INTERNAL_ERROR'), request.method === 'HEAD');
    };
    try {
      const result = handler(new NodeHttpRequest(request));
      if (result instanceof Promise) result.then(reply).catch(fail);
      else reply(result);
    } catch (error) {
      fail(error);
    }
  };
}

class NodeHttpRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HttpRequest['headers'];
  readonly #socket: NodeRequest['socket'];

  constructor({ method = 'GET', url = '/', headers, socket }: NodeRequest) {
    const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
    const mark = target.indexOf('?');
    this.method = method;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.query = mark < 0 ? '' : target.slice(mark + 1);
    this.headers = headers;
    this.#socket = socket;
  }

  get remoteAddress(): string | undefined {
    const { remoteAddress, remotePort } = this.#socket;
    return remoteAddress === undefined || remotePort === undefined
      ? undefined
      : joinHostPort(remoteAddress, remotePort);
  }
}

function send(response: NodeResponse, { status, headers, body }: NonNullable<HttpResult>, isHead: boolean): void {
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? encoder.encode(body) : body;
    response.writeHead(status, { ...headers, 'Content-Length': bytes.length });
    response.end(isHead ? undefined : bytes);
  } else {
    response.writeHead(status, { ...headers });
    if (isHead) response.end();
    else sendChunks(response, body).catch(() => response.destroy());
  }
}

async function sendChunks(response: NodeResponse, chunks: Exclude<HttpBody, string | Uint8Array>): Promise<void> {
  let goOn = () => {};
  response.on('drain', () => goOn());
  response.on('close', () => goOn());
  for await (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await new Promise<void>((resolve) => (goOn = resolve));
  }
  response.end();
}
