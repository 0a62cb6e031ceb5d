import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { HttpHandler, HttpRequest, NodeRequest } from '../http/index.js';
import { createHeads, FastResponse, type ReadyAnswer, type ResponseKit, type ResponseOwner } from './fast-response.js';
import { endOfSlice, MAX_SHORT_BYTES, type HttpSocket } from './http-reads.js';
import { KnownRequests, type Plain } from './plain-requests.js';

/** Limits that are the usual way's, too. */
export interface FastPathOptions {
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether nothing of the host's has a say in what is answered, or whom, and no zone of the caller's: then an answer may be kept ready. */
  readonly isAlike: boolean;
  /** Called when a connection is handed to `node:http`, as one that has asked nothing yet. */
  readonly handsOver: (socket: Socket) => void;
}

/** What the connections of a server share. */
interface Kit extends ResponseKit {
  readonly server: Server;
  /** What `node:http` does with a connection. */
  readonly usual: (socket: Socket) => void;
  readonly options: FastPathOptions;
  readonly known: KnownRequests;
  readonly seen: SeenHandler;
}

const MAX_REQUEST_BYTES = 2048;

/**
 * Lets a server answer requests that are beyond doubt by itself: a whole `GET` of a route that reads, alone in its chunk, with
 * one Host and harmless headers. They come as `request` events like all others. At the first doubt a connection is handed to
 * `node:http` for good, with what was read. Where the server is not Node's own, nothing changes.
 */
export function addFastPath(server: Server, seen: SeenHandler, options: FastPathOptions): void {
  const [usual] = server.listeners('connection') as ((socket: Socket) => void)[];
  const heads = createHeads(options.idleTimeoutMs);
  if (!(server instanceof NetServer) || !usual || !heads) return;
  const kit = { server, usual, options, seen, known: new KnownRequests(), ...heads };
  server.off('connection', usual);
  server.on('connection', (socket) => new FastConnection(socket, kit));
}

type Outcome = ReturnType<HttpHandler>;

/** A handler of which is seen what it was asked and what it answered at once. */
export class SeenHandler {
  request: HttpRequest | undefined;
  outcome: Outcome;
  /** What it is to answer the next time, where that is known. */
  next: (() => Outcome) | undefined;
  readonly handler: HttpHandler;

  constructor(handler: HttpHandler) {
    this.handler = handler;
  }

  readonly handle: HttpHandler = (request) => {
    const { next } = this;
    this.next = undefined;
    this.request = request;
    return (this.outcome = next ? next() : this.handler(request));
  };

  forget(): void {
    this.request = this.outcome = undefined;
  }
}

/** A connection whose requests have been plain so far. */
class FastConnection implements ResponseOwner {
  readonly socket: FastSocket;
  readonly kit: Kit;
  /** The one that is not out yet. */
  #response: FastResponse | undefined;
  /** What the client has sent ahead of it. */
  #ahead: Buffer | undefined;
  #hasEnded = false;
  #timeoutMs = 0;
  /** Known when something was answered. */
  #caller: HttpRequest['caller'];

  constructor(socket: FastSocket, kit: Kit) {
    this.socket = socket;
    this.kit = kit;
    socket[FAST] = this;
    this.#limit(kit.options.requestTimeoutMs);
    for (const [event, listener] of LISTENERS) socket.on(event, listener);
  }

  read(bytes: Buffer): void {
    const { socket } = this;
    const { server, options, known } = this.kit;
    if (socket.writableEnded) return; // nothing could be answered any more
    if (this.#response) {
      // Read on as long as that is little, so that one who leaves is noticed.
      this.#ahead = this.#ahead ? Buffer.concat([this.#ahead, bytes]) : bytes;
      if (this.#ahead.length > MAX_REQUEST_BYTES) socket.pause();
      return;
    }
    const isShort = bytes.length < Math.min(options.maxHeaderBytes, MAX_REQUEST_BYTES);
    const plain = isShort && server.listening ? known.read(bytes.toString('latin1')) : undefined;
    if (!plain) this.#handOver(bytes);
    else if (plain.ready && this.#caller) this.#answerAgain(plain, plain.ready, this.#caller);
    else this.#serve(plain);
  }

  /** What was answered before, if that is still the answer. */
  #answerAgain(plain: Plain, ready: ReadyAnswer, caller: HttpRequest['caller']): void {
    const { seen, known } = this.kit;
    let isWritten = false;
    try {
      const { path, query, headers } = plain;
      const remoteAddress = caller?.address;
      const before = ready.answer;
      const request = { method: 'GET', path, sentPath: path, query, headers, remoteAddress, caller, before };
      const outcome = seen.handler(request);
      if (outcome === ready.answer) {
        if (ready.write(this.socket)) return;
        isWritten = true;
      }
      seen.next = () => outcome;
    } catch (error) {
      seen.next = () => {
        throw error;
      };
    }
    known.drop(plain); // it is another one, or the socket has its bytes
    this.#serve(plain, isWritten);
  }

  #serve(plain: Plain, isWritten = false): void {
    const { socket } = this;
    const { server, options, seen, known } = this.kit;
    const { url } = plain;
    const headers = { ...plain.headers };
    const request: NodeRequest = { method: 'GET', url, headers, httpVersionMajor: 1, complete: true, socket };
    const response = new FastResponse(this, headers['connection'] === 'close', isWritten);
    this.#response = response;
    seen.forget();
    // Those who listen are in this folder, and use no more of the two than this.
    server.emit('request', request as unknown as IncomingMessage, response as unknown as ServerResponse);
    seen.next = undefined; // if nobody has asked for it, nobody else is to get it
    if (!response.closed) return this.#limit(options.requestTimeoutMs);
    this.#caller = seen.request?.caller;
    const ready = options.isAlike ? response.readyFor(seen.outcome) : undefined;
    if (ready) known.keep(plain, seen.request!, ready);
  }

  sent(isLast: boolean): void {
    this.#response = undefined;
    if (this.#ahead && !isLast) this.#handOver(this.#ahead);
    else if (isLast || this.#hasEnded) this.socket.destroySoon();
    else this.#limit(this.kit.options.idleTimeoutMs);
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#response) this.#response.clientEnded?.();
    else this.socket.end();
  }

  emit(event: 'drain' | 'close'): void {
    this.#response?.emit(event);
  }

  #limit(timeoutMs: number): void {
    if (this.#timeoutMs === timeoutMs) return;
    this.#timeoutMs = timeoutMs;
    this.socket.setTimeout(timeoutMs);
  }

  #handOver(bytes: Buffer): void {
    const { socket } = this;
    const { usual, server, options } = this.kit;
    for (const [event, listener] of LISTENERS) socket.off(event, listener);
    socket[FAST] = undefined;
    options.handsOver(socket);
    if (!this.#hasEnded) socket.pause().unshift(bytes);
    usual.call(server, socket);
    socket.resume();
    if (this.#hasEnded) tell(socket, bytes);
  }
}

/** Tells `node:http` of what came before the end, behind which nothing can be put back, and of the end. */
function tell(socket: HttpSocket, bytes: Buffer): void {
  if (socket.destroyed) return;
  if (socket.isPaused() || socket._paused === true) {
    socket.pause().once('resume', () => tell(socket, bytes));
    return;
  }
  const end = endOfSlice(bytes, MAX_SHORT_BYTES);
  socket.emit('data', bytes.subarray(0, end));
  if (end < bytes.length) setImmediate(tell, socket, bytes.subarray(end));
  else socket.emit('end');
}

const FAST = Symbol('fast');

interface FastSocket extends Socket {
  [FAST]?: FastConnection | undefined;
}

/** Shared by all connections: each listener of its own would cost more memory than all else of a connection that is open for long. */
const LISTENERS: readonly [event: string, listener: (bytes: Buffer) => void][] = Object.entries<
  (this: FastSocket, bytes: Buffer) => void
>({
  data(bytes) {
    this[FAST]?.read(bytes);
  },
  end() {
    this[FAST]?.end();
  },
  drain() {
    this[FAST]?.emit('drain');
  },
  timeout() {
    this[FAST]?.kit.server.emit('timeout', this); // who is at fault, the server tells
  },
  error() {
    this.destroy();
  },
  close() {
    this[FAST]?.emit('close');
  },
});
