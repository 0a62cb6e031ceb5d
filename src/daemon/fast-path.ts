import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { NodeRequest } from '../http/index.js';
import { createHeads, FastResponse, Scratch, type ResponseKit, type ResponseOwner } from './fast-response.js';

/** Limits that are the usual way's, too. */
export interface FastPathOptions {
  readonly maxHeaderBytes: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** What the connections of a server share. */
interface Kit extends ResponseKit {
  readonly server: Server;
  /** What `node:http` does with a connection. */
  readonly usual: (socket: Socket) => void;
  readonly options: FastPathOptions;
  readonly read: typeof readPlain;
}

const MAX_REQUEST_BYTES = 2048;
/** How many requests are known again: two megabytes of them at most. */
const MAX_KNOWN = 1000;
const READS = 'ping|info|topics|nodes|channels|lookup|watch';
const VALUE = '[\\x21-\\x7e](?:[\\x20-\\x7e]*[\\x21-\\x7e])?';
/** One whole request that no two readers could read in two ways. */
const PLAIN = new RegExp(
  `^GET (/(?:${READS})(?:\\?[\\w.~%&=+*:-]*)?) HTTP/1\\.1\\r\\n((?:[A-Za-z-]+: ${VALUE}\\r\\n)+)\\r\\n$`,
);
/** The headers that may come, each once, as clients and browsers write them. */
const HEADERS = new Map(
  [
    ...['Host', 'User-Agent', 'Accept', 'Accept-Encoding', 'Accept-Language', 'Authorization', 'Connection'],
    ...['Cache-Control', 'Pragma', 'Last-Event-ID', 'Origin', 'Referer'],
    ...['Sec-Fetch-Dest', 'Sec-Fetch-Mode', 'Sec-Fetch-Site', 'Sec-Ch-Ua', 'Sec-Ch-Ua-Mobile', 'Sec-Ch-Ua-Platform'],
  ]
    .flatMap((name) => [name, name.toLowerCase()])
    .map((written) => [written, written.toLowerCase()]),
);
const CONNECTION = [undefined, 'keep-alive', 'close'];

/**
 * Lets a server answer requests that are beyond doubt by itself: a whole `GET` of a route that reads, alone in its chunk, with
 * one Host and harmless headers. They come as `request` events like all others. At the first doubt a connection is handed to
 * `node:http` for good, with what was read. Where the server is not Node's own, nothing changes.
 */
export function addFastPath(server: Server, options: FastPathOptions): void {
  const [usual] = server.listeners('connection') as ((socket: Socket) => void)[];
  if (!(server instanceof NetServer) || !usual) return;
  const kit = {
    server,
    usual,
    options,
    headOf: createHeads(options.idleTimeoutMs),
    scratch: new Scratch(),
    read: createReader(),
  };
  server.off('connection', usual);
  server.on('connection', (socket) => new FastConnection(socket, kit));
}

/** The target and the headers of a plain request; undefined at any doubt. */
function readPlain(text: string): Pick<NodeRequest, 'url' | 'headers'> | undefined {
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

/** Reads plain requests; one that comes again is not read again, as clients write all of theirs alike. */
function createReader(): typeof readPlain {
  const known = new Map<string, ReturnType<typeof readPlain>>();
  return (text) => {
    let plain = known.get(text);
    if (!plain) {
      plain = readPlain(text);
      if (!plain || plain.headers['authorization'] !== undefined) return plain; // whose secrets are not kept
      if (known.size >= MAX_KNOWN) known.clear();
      known.set(text, plain);
    }
    return { url: plain.url, headers: { ...plain.headers } };
  };
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

  constructor(socket: FastSocket, kit: Kit) {
    this.socket = socket;
    this.kit = kit;
    socket[FAST] = this;
    this.#limit(kit.options.requestTimeoutMs);
    for (const [event, listener] of LISTENERS) socket.on(event, listener);
  }

  read(bytes: Buffer): void {
    const { socket } = this;
    const { server, options } = this.kit;
    if (socket.writableEnded) return; // nothing could be answered any more
    if (this.#response) {
      this.#ahead = bytes;
      socket.pause();
      return;
    }
    const isShort = bytes.length < Math.min(options.maxHeaderBytes, MAX_REQUEST_BYTES);
    const plain = isShort && server.listening ? this.kit.read(bytes.toString('latin1')) : undefined;
    if (!plain) return this.#handOver(bytes);
    const request: NodeRequest = { method: 'GET', ...plain, httpVersionMajor: 1, complete: true, socket };
    const response = new FastResponse(this, plain.headers['connection'] === 'close');
    this.#response = response;
    // Those who listen are in this folder, and use no more of the two than this.
    server.emit('request', request as unknown as IncomingMessage, response as unknown as ServerResponse);
    if (!response.closed) this.#limit(options.requestTimeoutMs);
  }

  sent(isLast: boolean): void {
    this.#response = undefined;
    if (isLast || this.#hasEnded) this.socket.destroySoon();
    else if (this.#ahead) this.#handOver(this.#ahead);
    else this.#limit(this.kit.options.idleTimeoutMs);
  }

  end(): void {
    this.#hasEnded = true;
    if (!this.#response) this.socket.end();
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
    const { usual, server } = this.kit;
    for (const [event, listener] of LISTENERS) this.socket.off(event, listener);
    this.socket[FAST] = undefined;
    this.socket.pause().unshift(bytes);
    usual.call(server, this.socket);
    this.socket.resume();
  }
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
