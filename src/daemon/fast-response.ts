import { STATUS_CODES, validateHeaderName, validateHeaderValue } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpHandler, HttpResponse, NodeResponse } from '../http/index.js';

/** What is sent before a body. */
interface Head {
  readonly status: number;
  /** All of it but what `node:http` would add. */
  readonly text: string;
  readonly isChunked: boolean;
  readonly hasBody: boolean;
  /** What `node:http` would add, if the connection goes on, and if it does not. */
  readonly toEnd: (isLast: boolean) => string;
  readonly isLast: boolean;
}

type HeadOf = (status: number, headers: string[]) => Head;

/** What responses share. */
export interface ResponseKit {
  readonly headOf: HeadOf;
  /** The line with the date, now. */
  readonly dateLine: () => string;
}

/** A longer body costs more to send than to find, and is not to be copied: it counts once for all who wait for it. */
const MAX_READY_BODY_BYTES = 128 * 1024;

/** The connection of a response. */
export interface ResponseOwner {
  readonly socket: Socket;
  readonly kit: ResponseKit;
  /** Told when all of the response is out, and whether it is the last. */
  sent(isLast: boolean): void;
}

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
  #isLast: boolean;
  #head: Head | undefined;
  /** The head, until it is sent. */
  #unsent = '';
  readonly #isWritten: boolean;

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
    const head = this.#owner.kit.headOf(status, headers);
    this.#head = head;
    this.#unsent = head.text + head.toEnd(this.#isLast);
    this.#isLast ||= head.isLast;
    this.headersSent = true;
  }

  flushHeaders(): void {
    this.#write('');
  }

  write(chunk: string | Uint8Array): boolean {
    return this.writeAll([typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
  }

  writeAll(pieces: readonly Uint8Array[]): boolean {
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length === 0 || this.#head?.hasBody !== true) return true; // a chunk of nothing would be the end
    const [only] = pieces;
    if (only && length <= MAX_TEXT_CHUNK_BYTES && pieces.length === 1 && this.#head.isChunked) {
      return this.#write(`${length.toString(16)}\r\n${toLatin1(only)}\r\n`);
    }
    let wantsMore = true;
    this.#owner.socket.cork();
    if (this.#head.isChunked) this.#write(`${length.toString(16)}\r\n`);
    for (const piece of pieces) wantsMore = this.#write(piece);
    if (this.#head.isChunked) wantsMore = this.#write('\r\n');
    this.#owner.socket.uncork();
    return wantsMore;
  }

  end(chunk: string | Uint8Array = ''): void {
    if (this.#head?.hasBody !== true) this.#write('');
    else if (!this.#head.isChunked) this.#write(chunk);
    else {
      this.write(chunk);
      this.#write('0\r\n\r\n');
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

  /** Text is ASCII: heads, sizes of chunks, and what the adapter knows to be. */
  #write(chunk: string | Uint8Array): boolean {
    if (this.#isWritten) return false;
    const head = this.#unsent;
    this.#unsent = '';
    const socket = this.#owner.socket;
    if (typeof chunk === 'string') return head + chunk === '' || socket.write(head + chunk, 'latin1');
    if (head === '') return socket.write(chunk);
    socket.cork();
    socket.write(head, 'latin1');
    const wantsMore = socket.write(chunk);
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
    if (!this.#bytes) {
      const { text, toEnd } = this.#head;
      this.#bytes = Buffer.concat([Buffer.from(text + toEnd(false), 'latin1'), this.#body]);
    } else if (this.#date !== date) this.#bytes.write(date, this.#head.text.length, 'latin1');
    this.#date = date;
    socket.write(this.#bytes);
    return socket.writableLength === 0;
  }
}

/** Makes heads as `node:http` does; of headers that come again, the same array, once. */
export function createHeads(idleTimeoutMs: number): ResponseKit {
  const known = new WeakMap<string[], Head>();
  const keepAlive = `Keep-Alive: timeout=${Math.floor(idleTimeoutMs / 1000)}\r\n`;
  let date = '';
  const dateLine = () => {
    if (date !== '') return date;
    const now = new Date();
    setTimeout(() => (date = ''), 1000 - now.getMilliseconds()).unref();
    return (date = `Date: ${now.toUTCString()}\r\n`);
  };
  const toHead: HeadOf = (status, headers) => {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    const values = new Map<string, string>();
    for (let i = 0; i < headers.length; i += 2) {
      const [name, value] = [headers[i]!, headers[i + 1]!];
      validateHeaderName(name);
      validateHeaderValue(name, value);
      values.set(name.toLowerCase(), value);
      text += `${name}: ${value}\r\n`;
    }
    const connection = values.get('connection');
    const hasBody = status !== 204 && status !== 304;
    const isChunked = hasBody && !values.has('content-length');
    const coding = isChunked && !values.has('transfer-encoding') ? 'Transfer-Encoding: chunked\r\n\r\n' : '\r\n';
    const going = `Connection: keep-alive\r\n${values.has('keep-alive') ? '' : keepAlive}${coding}`;
    const ending = `Connection: close\r\n${coding}`;
    const toEnd = (isLast: boolean) =>
      `${values.has('date') ? '' : dateLine()}${connection !== undefined ? coding : isLast ? ending : going}`;
    return { status, text, isChunked, hasBody, toEnd, isLast: /(?:^|\W)close(?:$|\W)/i.test(connection ?? '') };
  };
  const headOf: HeadOf = (status, headers) => {
    let head = known.get(headers);
    if (head?.status !== status) known.set(headers, (head = toHead(status, headers)));
    return head;
  };
  return { headOf, dateLine };
}

function toLatin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}
