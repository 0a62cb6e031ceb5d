import type { HttpRequest } from '../http-message.js';

/** What the adapter needs of a `net.Socket` or `tls.TLSSocket`. */
export interface NodeSocket {
  /** The client's address. */
  readonly remoteAddress?: string | undefined;
  /** The client's port. */
  readonly remotePort?: number | undefined;
  /** Whether it is closed. */
  readonly destroyed?: boolean;
  /** Cuts the client off. */
  destroy?(): unknown;
  /** Stops reading for a while. */
  pause?(): unknown;
  /** Reads on. */
  resume?(): unknown;
  /** Adds a listener. */
  on?(event: 'resume' | 'end', listener: () => void): unknown;
  /** Adds a listener for one time. */
  once?(event: 'close' | 'end', listener: () => void): unknown;
  /** Removes a listener. */
  off?(event: 'end', listener: () => void): unknown;
  /** Whether the client sends no more. */
  readonly readableEnded?: boolean;
  /** Over TLS: whether the client's certificate was verified. */
  readonly authorized?: boolean;
  /** Over TLS: the client's certificate. */
  getPeerCertificate?(): unknown;
}

/** What the adapter needs of a `node:http` (or Express, Connect) request. */
export interface NodeRequest {
  /** `GET` if it is missing. */
  readonly method?: string | undefined;
  /** The request target: `/path?query`, or a whole URL as proxies send it; `/` if it is missing. */
  readonly url?: string | undefined;
  /** Where Express has mounted the handler; it is not in `url`. */
  readonly baseUrl?: string | undefined;
  /** By lower-case name. */
  readonly headers: HttpRequest['headers'];
  /** 2 for HTTP/2, whose connections are not closed for the sake of a request. */
  readonly httpVersionMajor?: number;
  /** Whether the body has been read to its end. */
  readonly complete?: boolean;
  /** The client's connection. */
  readonly socket: NodeSocket;
}

/** What the adapter needs of a `node:http` response. */
export interface NodeResponse {
  /** `headers`: names and values in turn. */
  writeHead(status: number, headers: string[]): unknown;
  /** Sends a part of the body. False when it wants no more until `drain`. */
  write(chunk: string | Uint8Array): boolean;
  /** The same of a part that lies in several places. */
  writeAll?(pieces: readonly Uint8Array[]): boolean;
  /** Sends the last of the body, if any. */
  end(chunk?: string | Uint8Array): unknown;
  /** Sends a short body of ASCII text. */
  end(chunk: string, encoding: 'latin1'): unknown;
  /** Cuts off an answer that could not be finished. */
  destroy(error?: Error): unknown;
  /** Sets a header beside those of the answer. */
  setHeader?(name: string, value: string | number | readonly string[]): unknown;
  /** Adds a listener. */
  on(event: 'drain' | 'close', listener: () => void): unknown;
  /** Calls the listener when the client ends its side; where there is no such method, its socket tells. */
  onClientEnd?(listener: () => void): void;
  /** The words for the status; not for HTTP/2. */
  statusMessage?: string;
  /** Whether the status and headers are out. */
  readonly headersSent: boolean;
  /** Whether it was cut off. */
  readonly destroyed: boolean;
  /** Whether all of it is out. */
  readonly writableFinished?: boolean;
  /** How many bytes were written and are not out. */
  readonly writableLength?: number;
  /** Sends the status and headers before the body. */
  flushHeaders?(): void;
}
