import { answerNotFound } from './http-handler.js';
import type { HttpBody, HttpHandler, HttpRequest, HttpResponse, HttpResult } from './http-message.js';
import { failure } from './responses.js';

/**
 * Makes a handler a function from a WHATWG `Request` to a `Response`. What is not the handler's is answered
 * by `fallback`, which gets the same request: 404 if left out.
 */
export function toFetchHandler(
  handler: HttpHandler,
  fallback: (request: Request) => Response | Promise<Response> = () => toResponse(answerNotFound(), false),
): (request: Request) => Promise<Response> {
  return async (request) => {
    let result: HttpResult;
    try {
      result = await handler(toHttpRequest(request));
    } catch {
      result = failure(500, 'INTERNAL_ERROR');
    }
    return result ? toResponse(result, request.method === 'HEAD') : fallback(request);
  };
}

function toHttpRequest({ method, url, headers }: Request): HttpRequest {
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  const mark = target.indexOf('?');
  return {
    method,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: Object.fromEntries(headers),
  };
}

function toResponse({ status, headers, body }: HttpResponse, isHead: boolean): Response {
  return new Response(isHead ? null : toBodyInit(body), { status, headers });
}

function toBodyInit(body: HttpBody): ConstructorParameters<typeof Response>[0] {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : toStream(body);
}

function toStream(chunks: AsyncIterable<string | Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(typeof next.value === 'string' ? encoder.encode(next.value) : next.value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}
