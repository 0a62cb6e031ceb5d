import type { Server as HttpServer } from 'node:http';
import { Server as TcpServer, type AddressInfo, type Socket } from 'node:net';
import { joinHostPort } from '../base/host-port.js';
import type { Logger } from '../registry/index.js';
import type { ListenAddress } from './address.js';
import { MAX_INT32 } from './lookupd-options.js';

/** Connections that wait to be taken, as after a restart a whole fleet may at once; the system's limit may be lower. */
const BACKLOG = 4096;

/** What a listener is made of. */
export interface ListenerOptions {
  /** Names it in the log. */
  readonly name: string;
  readonly server: TcpServer | HttpServer;
  readonly address: ListenAddress;
  readonly keepAliveMs: number;
  readonly log: Logger;
  /** Lets connections go, each as soon as it is owed nothing. */
  readonly drain: () => void;
  /** Ends the connections that are left. */
  readonly cutOff: () => void;
  /** Told when it can listen no longer. */
  readonly fail: (error: Error) => void;
}

/** A server at an address, from `listen` to `close`. */
export class Listener {
  readonly #options: ListenerOptions;
  /** Kept, as the system would have to be asked for every peer that is told. */
  #port = 0;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { server, keepAliveMs, log, fail } = options;
    server.on('connection', (socket: Socket) => socket.setKeepAlive(true, keepAliveMs));
    server.on('listening', () => (this.#port = this.#bound?.port ?? 0));
    server.on('close', () => (this.#port = 0));
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (!server.listening) return; // `listen` rejects
      if (isPassing(error)) log.error?.(`no new connection on ${this.address} - ${error.message}`);
      else fail(error);
    });
  }

  /** `host:port` as bound; undefined unless listening. */
  get address(): string | undefined {
    const bound = this.#bound;
    return bound ? joinHostPort(bound.address, bound.port) : undefined;
  }

  /** As bound; 0 unless listening. */
  get port(): number {
    return this.#port;
  }

  /** Rejects with an error that names the address and has the system's `code`; it can be called again then. */
  async listen(): Promise<void> {
    const { name, server, log, address } = this.#options;
    const { text, ...where } = address;
    await new Promise<void>((resolve, reject) => {
      const refuse = (cause: NodeJS.ErrnoException) => {
        const error = new Error(`listen (${text}) failed - ${cause.message}`, { cause });
        reject(Object.assign(error, { code: cause.code }));
      };
      server.once('error', refuse);
      server.listen({ ...where, backlog: BACKLOG }, () => {
        server.off('error', refuse);
        resolve();
      });
    });
    log.info?.(`${name}: listening on ${this.address}`);
  }

  /** Takes no more connections, and resolves when those that there are have ended. */
  async stop(): Promise<void> {
    const { name, server, log } = this.#options;
    if (server.listening) log.info?.(`${name}: closing ${this.address}`);
    await this.#close();
  }

  /** Lets connections go, and after `graceMs` ends those that are left. Resolves with `closed`, when there are none. */
  async letGo(graceMs: number, closed: Promise<void>): Promise<void> {
    const { drain, cutOff } = this.#options;
    drain();
    const timer = setTimeout(cutOff, Math.min(graceMs, MAX_INT32));
    await closed;
    clearTimeout(timer);
  }

  /** Stops, and ends all connections at once. It can listen again. */
  async abandon(): Promise<void> {
    const closed = this.#close();
    this.#options.cutOff();
    await closed;
  }

  get #bound(): AddressInfo | null {
    return this.#options.server.address() as AddressInfo | null;
  }

  #close(): Promise<void> {
    const { server } = this.#options;
    return new Promise((resolve) => {
      // Node's HTTP server would cut off, as idle, a connection between an answer and that to the next request. That of Bun is
      // no server of node:net.
      if (!(server instanceof TcpServer)) return void (server as HttpServer).close(() => resolve());
      TcpServer.prototype.close.call(server, () => {
        server.close(); // which ends what else an HTTP server has
        resolve();
      });
    });
  }
}

/** Whether a listener's error is about one connection, or a lack that passes, and not about the listener. */
function isPassing({ syscall, code = '' }: NodeJS.ErrnoException): boolean {
  return syscall === 'accept' && ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ECONNABORTED', 'EPERM'].includes(code);
}
