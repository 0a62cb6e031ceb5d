import { callGuarded, printError, report } from '../../base/error-report.js';
import { aFunction, checkOptions, type Checks } from '../../base/options.js';
import type { OnError } from '../../registry/index.js';
import { answerNotFound } from '../http-handler.js';
import { assertHandler } from '../decorate.js';
import type { HttpBody, HttpHandler, HttpRequest, HttpResponse } from '../http-message.js';
import { toPlainPath } from '../plain-path.js';
import { failure } from '../responses.js';
import { assertStatus } from './assert-status.js';
import { releaseBody } from './release-body.js';
import { unframed } from './unframed.js';

const encoder = new TextEncoder();

/** Options of `toFetchHandler`, all of which may be left out. */
export interface FetchHandlerOptions {
  /** Answers what is not the handler's, and gets the same request. Default: 404. */
  readonly fallback?: ((request: Request) => Response | Promise<Response>) | undefined;
  /** Gets what the handler threw, while the client gets a 500. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<FetchHandlerOptions> = { fallback: aFunction, onError: aFunction };

/**
 * Makes a handler a function from a WHATWG `Request` to a `Response`. A handler that throws is answered 500; what
 * `fallback` throws rejects the promise.
 *
 * @example
 * ```js
 * import { createHttpHandler, RegistrationDB, toFetchHandler, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const fetch = toFetchHandler(createHttpHandler({ topology }));
 * const response = await fetch(new Request('http://lookupd/ping'));
 * console.log(await response.text()); // OK
 * ```
 */
export function toFetchHandler(
  handler: HttpHandler,
  options: FetchHandlerOptions = {},
): (request: Request) => Promise<Response> {
  assertHandler(handler);
  const { onError = printError } = checkOptions('toFetchHandler', options, CHECKS);
  const { fallback = () => toResponse(answerNotFound(), false, onError) } = options;
  return async (request) => (await answerFetch(handler, request, onError)) ?? fallback(request);
}

/** What the handler answers, or undefined for a path that is none of its own. */
export async function answerFetch(
  handler: HttpHandler,
  request: Request,
  onError: OnError,
): Promise<Response | undefined> {
  const isHead = request.method === 'HEAD';
  try {
    const result = await handler(toHttpRequest(request));
    return result && toResponse(result, isHead, onError);
  } catch (error) {
    report(onError, error, 'an HTTP handler threw');
    return toResponse(failure(500, 'INTERNAL_ERROR'), isHead, onError);
  }
}

function toHttpRequest(request: Request): HttpRequest {
  const { method, url, headers } = request;
  const target = url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  const mark = target.indexOf('?');
  const sentPath = mark < 0 ? target : target.slice(0, mark);
  return {
    method,
    path: toPlainPath(sentPath) ?? sentPath,
    sentPath,
    query: mark < 0 ? '' : target.slice(mark + 1),
    headers: Object.fromEntries(headers),
    caller: {},
    get signal() {
      return request.signal;
    },
  };
}

function toResponse({ status, headers, body }: HttpResponse, isHead: boolean, onError: OnError): Response {
  assertStatus(status);
  const isNull = isHead || status === 204 || status === 205 || status === 304;
  const response = new Response(isNull ? null : toBodyInit(body, onError), { status, headers: unframed(headers) });
  if (isNull) releaseBody(body, onError);
  return response;
}

function toBodyInit(body: HttpBody, onError: OnError): ConstructorParameters<typeof Response>[0] {
  if (typeof body === 'string') return encoder.encode(body); // a text would bring a Content-Type of its own
  return body instanceof Uint8Array ? new Uint8Array(body) : toStream(body, onError);
}

function toStream(chunks: AsyncIterable<string | Uint8Array>, onError: OnError): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  let isCancelled = false;
  return new ReadableStream({
    async pull(controller) {
      try {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(typeof next.value === 'string' ? encoder.encode(next.value) : next.value);
      } catch (error) {
        if (isCancelled) return; // while the next chunk was awaited
        report(onError, error, 'the body of an answer threw');
        controller.error(error);
      }
    },
    cancel() {
      isCancelled = true;
      callGuarded(onError, 'the body of an answer threw', () => iterator.return?.());
    },
  });
}
