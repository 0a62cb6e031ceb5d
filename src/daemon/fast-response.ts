import { ServerResponse, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpHandler, HttpResponse, NodeResponse } from '../http/index.js';

/** What is sent before a body, with the line of the date between its parts, unless the host has set one. */
interface Head {
  readonly status: number;
  readonly start: string;
  readonly end: string;
  readonly isDated: boolean;
  readonly isChunked: boolean;
  readonly hasBody: boolean;
  readonly isLast: boolean;
}

/** What responses share. */
export interface ResponseKit {
  readonly headOf: (status: number, headers: string[], isLast: boolean) => Head;
  /** The line with the date, now. */
  readonly dateLine: () => string;
}

/** The connection of a response. */
export interface ResponseOwner {
  readonly socket: Socket;
  readonly kit: ResponseKit;
  /** Told when all of the response is out, and whether it is the last. */
  sent(isLast: boolean): void;
}

/** A longer body costs more to send than to find, and is not to be copied: it counts once for all who wait for it. */
const MAX_READY_BODY_BYTES = 128 * 1024;
/** A chunk of up to so many bytes is written as text: in one go, and of what the system does not take no more is kept than that. */
const MAX_TEXT_CHUNK_BYTES = 4096;

/** What the adapter and the server need of a response, on a connection that has no other at the time. */
export class FastResponse implements NodeResponse {
  headersSent = false;
  closed = false;
  writableFinished = false;
  /** To be called when the client ends its side. */
  clientEnded: (() => void) | undefined;
  readonly #owner: ResponseOwner;
  readonly #onDrain: (() => void)[] = [];
  readonly #onClose: (() => void)[] = [];
  readonly #isWritten: boolean;
  #isLast: boolean;
  #head: Head | undefined;
  /** The head, until it is sent. */
  #unsent = '';

  /** `isWritten`: what it is to send is on its way already. */
  constructor(owner: ResponseOwner, isLast: boolean, isWritten: boolean) {
    this.#owner = owner;
    this.#isWritten = isWritten;
    this.#isLast = isLast;
  }

  get destroyed(): boolean {
    return this.#owner.socket.destroyed;
  }

  get writableLength(): number {
    return this.#owner.socket.writableLength;
  }

  writeHead(status: number, headers: string[]): void {
    const { kit } = this.#owner;
    const head = kit.headOf(status, headers, this.#isLast);
    this.#head = head;
    this.#isLast = head.isLast;
    this.#unsent = head.start + (head.isDated ? kit.dateLine() : '') + head.end;
    this.headersSent = true;
  }

  flushHeaders(): void {
    this.#send([]);
  }

  write(chunk: string | Uint8Array): boolean {
    return this.writeAll([typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length === 0 || this.#head?.hasBody !== true) return true; // a chunk of nothing would be the end
    if (!this.#head.isChunked) return this.#send(pieces);
    const size = `${length.toString(16)}\r\n`;
    if (length > MAX_TEXT_CHUNK_BYTES) return this.#send([size, ...pieces, '\r\n']);
    return this.#send([`${size}${Buffer.concat(pieces).toString('latin1')}\r\n`]);
  }

  end(chunk: string | Uint8Array = ''): void {
    if (this.#head?.hasBody !== true) this.#send([]);
    else if (!this.#head.isChunked) this.#send([chunk]);
    else {
      this.write(chunk);
      this.#send(['0\r\n\r\n']);
    }
    if (this.#owner.socket.writableLength === 0) this.#finish();
    else this.#owner.socket.write('', () => this.#finish());
  }

  destroy(): void {
    this.#owner.socket.destroy();
  }

  /** The same to be sent again, if it is an answer that may be given again and was sent whole. */
  readyFor(outcome: ReturnType<HttpHandler>): ReadyAnswer | undefined {
    if (this.#isLast || this.#head?.isChunked !== false || outcome === undefined || !('isCurrent' in outcome))
      return undefined;
    const { body } = outcome;
    if (!(body instanceof Uint8Array) || body.length > MAX_READY_BODY_BYTES) return undefined;
    return new ReadyAnswer(outcome, this.#head, body, this.#owner.kit.dateLine);
  }

  on(event: string, listener: () => void): void {
    if (event === 'close') this.#onClose.push(listener);
    if (event === 'drain') this.#onDrain.push(listener);
  }

  onClientEnd(listener: () => void): void {
    this.clientEnded = listener;
  }

  /** For `close`, which comes once. */
  once(event: 'close', listener: () => void): void {
    this.on(event, listener);
  }

  emit(event: 'drain' | 'close'): void {
    if (event === 'close') this.closed = true;
    for (const listener of event === 'close' ? this.#onClose : this.#onDrain) listener();
  }

  #finish(): void {
    if (this.closed || this.destroyed) return;
    this.writableFinished = true;
    this.emit('close');
    this.#owner.sent(this.#isLast);
  }

  /** Whether more is wanted. Text is ASCII: heads, sizes of chunks, and what the adapter knows to be; or Latin-1. */
  #send(pieces: readonly (string | Uint8Array)[]): boolean {
    if (this.#isWritten) return false;
    const { socket } = this.#owner;
    const [first, ...others] = pieces;
    const all = typeof first === 'string' ? [this.#unsent + first, ...others] : [this.#unsent, ...pieces];
    this.#unsent = '';
    let wantsMore = true;
    socket.cork();
    for (const piece of all) if (piece.length > 0) wantsMore = socket.write(piece, 'latin1');
    socket.uncork();
    return wantsMore;
  }
}

/** An answer that was sent, to be sent again: the same bytes but for the date. */
export class ReadyAnswer {
  readonly answer: HttpResponse;
  /** What it takes of memory, about. */
  readonly size: number;
  readonly #head: Head;
  readonly #body: Uint8Array;
  readonly #dateLine: () => string;
  #bytes: Buffer | undefined;
  #date = '';

  constructor(answer: HttpResponse, head: Head, body: Uint8Array, dateLine: () => string) {
    this.answer = answer;
    this.size = 2 * body.length + 1000;
    this.#head = head;
    this.#body = body;
    this.#dateLine = dateLine;
  }

  /** Whether all of it is out. */
  write(socket: Socket): boolean {
    const date = this.#dateLine();
    const { start, end } = this.#head;
    this.#bytes ??= Buffer.concat([Buffer.from(start + date + end, 'latin1'), this.#body]);
    if (this.#date !== date) this.#bytes.write(date, start.length, 'latin1');
    this.#date = date;
    socket.write(this.#bytes);
    return socket.writableLength === 0;
  }
}

/** What `node:http` keeps with a response. */
interface Unsent extends ServerResponse {
  _keepAliveTimeout: number;
  readonly _header?: string;
  readonly _hasBody?: boolean;
  readonly _last?: boolean;
}

const GET = { method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as Partial<IncomingMessage> as IncomingMessage;

/** Has heads made by `node:http`; of headers that come again, the same array, once. Undefined where that does not show them. */
export function createHeads(idleTimeoutMs: number): ResponseKit | undefined {
  const known = new WeakMap<string[], Head>();
  let date = '';
  const dateLine = () => {
    if (date !== '') return date;
    const now = new Date();
    setTimeout(() => (date = ''), 1000 - now.getMilliseconds()).unref();
    return (date = `Date: ${now.toUTCString()}\r\n`);
  };
  const toHead = (status: number, headers: string[], isLast: boolean): Head => {
    const response = new ServerResponse(GET) as Unsent;
    response.shouldKeepAlive = !isLast;
    response._keepAliveTimeout = idleTimeoutMs;
    response.writeHead(status, headers);
    const { _header = '', _hasBody: hasBody = true, _last = isLast, chunkedEncoding: isChunked } = response;
    const lines = _header.split('\r\n');
    const given = 1 + headers.length / 2;
    const isDated = lines[given]?.startsWith('Date: ') === true;
    const start = `${lines.slice(0, given).join('\r\n')}\r\n`;
    const end = lines.slice(given + Number(isDated)).join('\r\n');
    return { status, start, end, isDated, isChunked, hasBody, isLast: _last };
  };
  if (!/^Connection: keep-alive\r\nKeep-Alive: timeout=/.test(toHead(200, [], false).end)) return undefined;
  const headOf: ResponseKit['headOf'] = (status, headers, isLast) => {
    const head = known.get(headers);
    if (head?.status === status && head.isLast === isLast) return head;
    const made = toHead(status, headers, isLast);
    known.set(headers, made);
    return made;
  };
  return { headOf, dateLine };
}
