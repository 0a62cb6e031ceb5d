import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { HttpHandler, HttpRequest, NodeRequest } from '../http/index.js';
import { createHeads, FastResponse, type ReadyAnswer, type ResponseKit } from './fast-response.js';

/** Limits that are the usual way's, too. */
export interface FastPathOptions {
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Whether all who may ask the same are answered the same, by nothing of the host's: then it may be kept ready. */
  readonly isAlike: boolean;
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
/** How many requests are known again: two megabytes of them at most. */
const MAX_KNOWN = 1000;
/** What is kept ready of their answers. */
const MAX_READY_BYTES = 16 * 1024 * 1024;
const READS = 'ping|info|topics|nodes|channels|lookup';
const VALUE = '[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?';
/** One whole request that no two readers could read in two ways. */
const PLAIN = new RegExp(
  `^GET (/(?:${READS})(?:\\?[\\w.~%&=+*:-]*)?) HTTP/1\\.1\\r\\n((?:[A-Za-z-]+: ${VALUE}\\r\\n)+)\\r\\n$`,
);
/** The headers that may come, each once, as clients write them. */
const HEADERS = new Map(
  ['Host', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Authorization', 'Connection']
    .flatMap((name) => [name, name.toLowerCase()])
    .map((written) => [written, written.toLowerCase()]),
);
const CONNECTION = [undefined, 'keep-alive', 'close'];

/**
 * Lets a server answer requests that are beyond doubt by itself: a whole `GET` of a route that reads, alone in its chunk, with
 * one Host and harmless headers. They come as `request` events like all others. At the first doubt a connection is handed to
 * `node:http` for good, with what was read. Where the server is not Node's own, nothing changes.
 */
export function addFastPath(server: Server, seen: SeenHandler, options: FastPathOptions): void {
  const [usual] = server.listeners('connection') as ((socket: Socket) => void)[];
  if (!(server instanceof NetServer) || !usual) return;
  const kit = { server, usual, options, seen, known: new KnownRequests(), ...createHeads(options.idleTimeoutMs) };
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

/** The target and the headers of a plain request; undefined at any doubt. */
function readPlain(text: string): Pick<Plain, 'url' | 'headers'> | undefined {
  const [, url, lines] = PLAIN.exec(text) ?? [];
  if (url === undefined || lines === undefined) return undefined;
  const headers: Record<string, string> = {};
  for (let start = 0, end: number; start < lines.length; start = end + 2) {
    end = lines.indexOf('\r\n', start);
    const colon = lines.indexOf(':', start);
    const name = HEADERS.get(lines.slice(start, colon));
    if (name === undefined || headers[name] !== undefined) return undefined;
    headers[name] = lines.slice(colon + 2, end);
  }
  return headers['host'] !== undefined && CONNECTION.includes(headers['connection']) ? { url, headers } : undefined;
}

/** A plain request, and what it was answered. */
interface Plain {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  path: string;
  query: string;
  ready: ReadyAnswer | undefined;
}

/** Requests that were read are not read again when they come again, as clients write all of theirs alike. */
class KnownRequests {
  readonly #known = new Map<string, Plain>();
  #readyBytes = 0;

  read(text: string): Plain | undefined {
    const known = this.#known.get(text);
    if (known) return known;
    const read = readPlain(text);
    if (!read) return undefined;
    const plain = { ...read, path: '', query: '', ready: undefined };
    if (read.headers['authorization'] !== undefined) return plain; // whose secrets are not kept
    if (this.#known.size >= MAX_KNOWN) this.#clear();
    this.#known.set(text, plain);
    return plain;
  }

  /** Keeps what a request was answered, to be sent again. */
  keep(plain: Plain, { path, query }: HttpRequest, ready: ReadyAnswer): void {
    this.#readyBytes += ready.size;
    if (this.#readyBytes > MAX_READY_BYTES) this.#clear();
    Object.assign(plain, { path, query, ready });
  }

  #clear(): void {
    this.#known.clear();
    this.#readyBytes = 0;
  }
}

/** A connection whose requests have been plain so far. */
class FastConnection {
  readonly #socket: Socket;
  readonly #kit: Kit;
  /** The one that is not out yet. */
  #response: FastResponse | undefined;
  /** What the client has sent ahead of it. */
  #ahead: Buffer | undefined;
  #hasEnded = false;
  #timeoutMs = 0;
  /** Known when something was answered. */
  #caller: HttpRequest['caller'];

  constructor(socket: Socket, kit: Kit) {
    this.#socket = socket;
    this.#kit = kit;
    this.#limit(kit.options.requestTimeoutMs);
    for (const [event, listener] of this.#listeners) socket.on(event, listener);
  }

  readonly #onData = (bytes: Buffer): void => {
    const socket = this.#socket;
    const { server, options, known } = this.#kit;
    if (socket.writableEnded) return; // nothing could be answered any more
    if (this.#response) {
      this.#ahead = bytes;
      socket.pause();
      return;
    }
    const isShort = bytes.length < Math.min(options.maxHeaderBytes, MAX_REQUEST_BYTES);
    const plain = isShort && server.listening ? known.read(bytes.toString('latin1')) : undefined;
    if (!plain) this.#handOver(bytes);
    else if (plain.ready && this.#caller) this.#answerAgain(plain, plain.ready, this.#caller);
    else this.#serve(plain);
  };

  /** What was answered before, if that is still the answer. */
  #answerAgain(plain: Plain, ready: ReadyAnswer, caller: HttpRequest['caller']): void {
    const { seen } = this.#kit;
    let isWritten = false;
    try {
      const { path, query, headers } = plain;
      const remoteAddress = caller?.address;
      const before = ready.answer;
      const request = { method: 'GET', path, sentPath: path, query, headers, remoteAddress, caller, before };
      const outcome = seen.handler(request);
      if (outcome === ready.answer) {
        if (ready.write(this.#socket)) return;
        isWritten = true;
      }
      seen.next = () => outcome;
    } catch (error) {
      seen.next = () => {
        throw error;
      };
    }
    plain.ready = undefined; // it is another one, or the socket has its bytes
    this.#serve(plain, isWritten);
  }

  #serve(plain: Plain, isWritten = false): void {
    const { server, options, seen, known } = this.#kit;
    const { url, headers } = plain;
    const socket = this.#socket;
    const request: NodeRequest = {
      method: 'GET',
      url,
      headers: { ...headers },
      httpVersionMajor: 1,
      complete: true,
      socket,
    };
    const response = new FastResponse(socket, this.#kit, headers['connection'] === 'close', isWritten, this.#onSent);
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

  readonly #onSent = (isLast: boolean): void => {
    this.#response = undefined;
    if (isLast || this.#hasEnded) this.#socket.destroySoon();
    else if (this.#ahead) this.#handOver(this.#ahead);
    else this.#limit(this.#kit.options.idleTimeoutMs);
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    if (!this.#response) this.#socket.end();
  };

  readonly #listeners: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ['data', this.#onData],
    ['end', this.#onEnd],
    ['drain', () => this.#response?.emit('drain')],
    ['timeout', () => void this.#kit.server.emit('timeout', this.#socket)], // who is at fault, the server tells
    ['error', () => void this.#socket.destroy()],
    ['close', () => this.#response?.emit('close')],
  ];

  #limit(timeoutMs: number): void {
    if (this.#timeoutMs === timeoutMs) return;
    this.#timeoutMs = timeoutMs;
    this.#socket.setTimeout(timeoutMs);
  }

  #handOver(bytes: Buffer): void {
    const { usual, server } = this.#kit;
    for (const [event, listener] of this.#listeners) this.#socket.off(event, listener);
    this.#socket.pause().unshift(bytes);
    usual.call(server, this.#socket);
    this.#socket.resume();
  }
}
