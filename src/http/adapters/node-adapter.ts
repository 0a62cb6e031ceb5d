import { callGuarded, isThenable, printError, report } from '../../base/error-report.js';
import { DEFAULT_TIMERS, type ClientTimers } from '../../base/timers.js';
import { aFunction, checkOptions, clientTimers, number, type Checks } from '../../base/options.js';
import type { OnError } from '../../registry/index.js';
import { answerNotFound } from '../http-handler.js';
import { assertHandler } from '../decorate.js';
import type { HttpHandler, HttpResponse, HttpResult } from '../http-message.js';
import { failure } from '../responses.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';
import { Pipeline } from './node-pipeline.js';
import { createRequestReader } from './node-request.js';
import { createSender } from './node-sender.js';
import { UnsentAnswers } from './unsent-answers.js';

type Next = (error?: unknown) => void;

/**
 * What `http.createServer` and `app.use` take. `next` is called without an argument for a path that is not the
 * handler's, and with what the handler threw.
 */
export type NodeListener = (request: NodeRequest, response: NodeResponse, next?: (error?: unknown) => void) => void;

/** The longest request body that is waited for though nobody reads it, in bytes: 64 KiB. */
export const DEFAULT_MAX_IGNORED_BODY_BYTES = 64 * 1024;

/** The most unsent bytes of answers, of all connections together: 64 MiB. */
export const DEFAULT_MAX_UNSENT_BYTES = 64 * 1024 * 1024;
/** The most requests, of all connections together, that wait for an answer before theirs on the same connection. */
export const DEFAULT_MAX_PIPELINED_REQUESTS = 10_000;
/** 5 minutes: how long an answer may take to be read. */
export const DEFAULT_ANSWER_TIMEOUT_MS = 300_000;

/** Limits of `toNodeHandler`, by the option that sets each. */
export type NodeLimit = 'maxIgnoredBodyBytes' | 'maxUnsentBytes' | 'maxPipelinedRequests' | 'answerTimeoutMs';

/** Options of `toNodeHandler`, all of which may be left out. */
export interface NodeHandlerOptions {
  /**
   * No route takes a body. One that is longer than this, or does not say how long it is, is not waited for: the
   * request is answered and its connection closed. In bytes, from 0 on. Default 65,536.
   */
  readonly maxIgnoredBodyBytes?: number | undefined;
  /**
   * The most bytes that are held of answers which clients do not read, of all connections together; past it the one that has
   * waited for longest is cut off. From 0 on. Default 67,108,864 (64 MiB).
   */
  readonly maxUnsentBytes?: number | undefined;
  /**
   * A connection's requests are answered one at a time. The most that wait for one before them, of all connections together;
   * a client that sends one more is cut off. From 0 on. Default 10,000.
   */
  readonly maxPipelinedRequests?: number | undefined;
  /** An answer that the client has not read by then is cut off; of an endless one, what it has not read. Milliseconds from 1 on. Default 300,000. */
  readonly answerTimeoutMs?: number | undefined;
  /** Told of each time that a client has met a limit. Default: nobody is. */
  readonly onLimit?: ((name: NodeLimit) => void) | undefined;
  /** Default: the runtime's own. */
  readonly timers?: ClientTimers | undefined;
  /** Gets what the handler threw, unless `next` does. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const NODE_HANDLER_CHECKS: Checks<NodeHandlerOptions> = {
  maxIgnoredBodyBytes: number(0),
  maxUnsentBytes: number(0),
  maxPipelinedRequests: number(0),
  answerTimeoutMs: number(1),
  onLimit: aFunction,
  timers: clientTimers,
  onError: aFunction,
};

/**
 * Makes a handler a listener for `http.createServer`, or a middleware: a path that is not the handler's goes to
 * `next`, or without one is answered 404. A handler that throws is answered 500, or goes to `next` as an error.
 *
 * @example
 * ```js
 * import { createServer } from 'node:http';
 * import { createHttpHandler, RegistrationDB, toNodeHandler, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const server = createServer(toNodeHandler(createHttpHandler({ topology }))).listen(0);
 * server.close();
 * ```
 */
export function toNodeHandler(handler: HttpHandler, options: NodeHandlerOptions = {}): NodeListener {
  return createListener('toNodeHandler', handler, options);
}

/** What adapters stand on; `of` is the one that a misuse is told of. */
export function createListener(of: string, handler: HttpHandler, options: NodeHandlerOptions): DroppingListener {
  assertHandler(handler);
  const checked = checkOptions(of, options, NODE_HANDLER_CHECKS);
  const {
    maxIgnoredBodyBytes = DEFAULT_MAX_IGNORED_BODY_BYTES,
    maxUnsentBytes = DEFAULT_MAX_UNSENT_BYTES,
    maxPipelinedRequests = DEFAULT_MAX_PIPELINED_REQUESTS,
    answerTimeoutMs = DEFAULT_ANSWER_TIMEOUT_MS,
    timers = DEFAULT_TIMERS,
    onError = printError,
  } = checked;
  const { onLimit } = checked;
  const tell = onLimit && ((name: NodeLimit) => callGuarded(onError, 'onLimit threw', () => onLimit(name)));
  const pipeline = new Pipeline(maxPipelinedRequests, tell && (() => tell('maxPipelinedRequests')));
  const read = createRequestReader();
  const send = createSender(new UnsentAnswers(maxUnsentBytes, answerTimeoutMs, timers, tell), onError);

  const answer = (request: NodeRequest, response: NodeResponse, result: HttpResponse, isApology = false) => {
    const giveUp = (error: unknown) => {
      report(onError, error, 'an answer could not be sent');
      if (isApology || response.headersSent) return void response.destroy();
      // Else Node keeps the words of the status that it did not send.
      if (request.httpVersionMajor !== 2) response.statusMessage = '';
      const apology = failure(500, 'INTERNAL_ERROR');
      // Node sends no body with a response any more that began with one of these.
      const isBare = result.status === 204 || result.status === 304;
      answer(request, response, isBare ? { ...apology, body: '' } : apology, true);
    };
    try {
      const closes = hasUnreadBody(request, maxIgnoredBodyBytes);
      if (closes) tell?.('maxIgnoredBodyBytes');
      const { method, socket } = request;
      const isUncopied = request.httpVersionMajor !== 2 && socket.getPeerCertificate === undefined;
      send(response, closes ? closing(result) : result, method === 'HEAD', isUncopied, socket)?.catch(giveUp);
    } catch (error) {
      giveUp(error);
    }
  };
  const reply = (request: NodeRequest, response: NodeResponse, result: HttpResult, next?: Next) => {
    if (result) answer(request, response, result);
    else if (next) callGuarded(onError, 'next threw', () => next());
    else answer(request, response, answerNotFound());
  };
  const fail = (request: NodeRequest, response: NodeResponse, error: unknown, next?: Next) => {
    // A next without an error means another thing.
    if (next)
      return callGuarded(onError, 'next threw', () => next(error ?? new Error('an HTTP handler threw nothing')));
    report(onError, error, 'an HTTP handler threw');
    answer(request, response, failure(500, 'INTERNAL_ERROR'));
  };

  const serve = (request: NodeRequest, response: NodeResponse, next?: Next) => {
    let result: ReturnType<HttpHandler>;
    try {
      result = handler(read(request, response));
    } catch (error) {
      return fail(request, response, error, next);
    }
    if (!isThenable(result)) return reply(request, response, result, next);
    result.then(
      (later) => reply(request, response, later, next),
      (error: unknown) => fail(request, response, error, next),
    );
  };

  return (request, response, next, drop = () => undefined) =>
    pipeline.enter(request, response, () => serve(request, response, next), drop);
}

/** A listener that tells, for the adapters, of a request whose client left before its turn. */
type DroppingListener = (request: NodeRequest, response: NodeResponse, next?: Next, drop?: () => void) => void;

/** Resolves to whether the answer is out; if not, it is left to the host. Rejects with what the handler threw. */
export function isAnswered(listener: DroppingListener, request: NodeRequest, response: NodeResponse): Promise<boolean> {
  return new Promise((resolve, reject) => {
    if (response.destroyed) return resolve(true); // the client has gone: it would close no more
    response.on('close', () => resolve(true));
    const next = (error: unknown) => {
      if (error === undefined) resolve(false);
      // As it was thrown, whatever it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      else reject(error);
    };
    listener(request, response, next, () => resolve(true));
  });
}

/** Whether more of a body may come than is worth waiting for, or a client waits to be told to send it. */
function hasUnreadBody({ headers, complete, httpVersionMajor }: NodeRequest, maxBytes: number): boolean {
  if (complete === true || httpVersionMajor === 2) return false; // HTTP/2 closes streams, not connections
  const { 'content-length': length = '0', 'transfer-encoding': encoding, expect } = headers;
  return encoding !== undefined || expect !== undefined || Number(length) > maxBytes;
}

function closing(response: HttpResponse): HttpResponse {
  return { ...response, headers: { ...response.headers, Connection: 'close' } };
}
