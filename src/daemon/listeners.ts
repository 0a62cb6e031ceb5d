import type { Server as HttpsServer } from 'node:https';
import type { Server as HttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import { pickOptions } from '../base/options.js';
import { createLogDecorator, decorate, orNotFound, requireTls } from '../http/index.js';
import type { HttpDecorator, HttpHandler } from '../http/index.js';
import type { Clock, Logger, OnError } from '../registry/index.js';
import { DEFAULT_IDENTIFY_TIMEOUT_MS, DEFAULT_MAX_CONNECTIONS, type TcpHandler } from '../tcp/index.js';
import { parseAddress } from './address.js';
import { createHttpServer, DEFAULT_HTTP_REQUEST_TIMEOUT_MS } from './http-server.js';
import { HTTP_SERVER_CHECKS, RequestTracker, type HttpLimit } from './http-server.js';
import { Listener, type ListenerOptions } from './listener.js';
import { DEFAULT_HTTP_ADDRESS, DEFAULT_KEEP_ALIVE_MS, DEFAULT_TCP_ADDRESS } from './lookupd-options.js';
import type { LookupdOptions } from './lookupd-options.js';
import { guardTlsServer, toServerOptions } from './tls-server.js';

/** What is served, and who is told. */
export interface Served {
  /** Only where there is an address for peers. */
  readonly tcpHandler: TcpHandler | undefined;
  readonly httpHandler: HttpHandler;
  /** Stand around the log. */
  readonly outer: readonly HttpDecorator[];
  /** Stand between the log and what refuses. */
  readonly middle: readonly HttpDecorator[];
  /** Stand within the decorators of the host. */
  readonly inner: readonly HttpDecorator[];
  /** Told of limits that clients meet. */
  readonly onLimit: ((name: HttpLimit | 'identifyTimeoutMs' | 'maxConnections') => void) | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  readonly onError: OnError;
  readonly fail: (error: Error) => void;
}

/** A listener of each port that the options ask for. */
export interface Listeners {
  readonly tcp: Listener | undefined;
  readonly tcpTls: Listener | undefined;
  readonly http: Listener | undefined;
  readonly https: Listener | undefined;
  /** Those that speak TLS, to be given what they speak it with. */
  readonly tlsServers: readonly TlsServer[];
  /** How many connections there are over HTTP and HTTPS. */
  readonly httpConnections: () => number;
}

type Part = Pick<ListenerOptions, 'name' | 'server' | 'drain' | 'cutOff'>;

// Half-open, so that a peer that has sent its last still gets its answer; without delay as in Go. The listener keeps alive.
const TCP_OPTIONS = { allowHalfOpen: true, noDelay: true };
// Half-open after the handshake alone: Node never lets go of a connection that ends within it.
const TLS_OPTIONS = { noDelay: true };

/** Makes the listeners, none of which listens yet. */
export function createListeners(options: LookupdOptions, served: Served): Listeners {
  const { tcpAddress = DEFAULT_TCP_ADDRESS, httpAddress = DEFAULT_HTTP_ADDRESS, tcpTlsAddress, httpsAddress } = options;
  const { keepAliveMs = DEFAULT_KEEP_ALIVE_MS, tlsClientAuthPolicy: policy, decorators = [] } = options;
  const { tlsRequired = httpsAddress !== undefined && policy !== undefined } = options;
  const { identifyTimeoutMs = DEFAULT_IDENTIFY_TIMEOUT_MS, maxConnections = DEFAULT_MAX_CONNECTIONS } = options;
  const { httpRequestTimeoutMs = DEFAULT_HTTP_REQUEST_TIMEOUT_MS } = options;
  const { tcpHandler, outer, middle, log, clock, onError, onLimit, fail } = served;
  const tlsServers: TlsServer[] = [];

  const logged = createLogDecorator({ log, clock });
  const httpHandler = (...refusing: readonly HttpDecorator[]) => {
    const around = [...outer, logged, ...middle, ...refusing, orNotFound, ...decorators, ...served.inner];
    return decorate(served.httpHandler, ...around);
  };
  const { authorize, zonePolicy = 'off' } = options;
  const isAlike = decorators.length === 0 && authorize === undefined && zonePolicy === 'off';
  const httpOptions = { ...pickOptions(options, HTTP_SERVER_CHECKS), log, onError, onLimit, isAlike };
  const trackers: RequestTracker[] = [];

  const tcpPart = (name: string, server: Part['server']): Part => {
    const close = () => tcpHandler!.close();
    return { name, server, drain: close, cutOff: close };
  };
  const httpPart = (name: string, server: HttpServer | HttpsServer): Part => {
    const requests = new RequestTracker(server);
    trackers.push(requests);
    return { name, server, drain: () => requests.end(), cutOff: () => requests.cutOff() };
  };
  const guarded = (part: Part, server: TlsServer, limit: 'httpRequestTimeoutMs' | 'identifyTimeoutMs'): Part => {
    // Who is not through the handshake is owed nothing, and known to nobody else.
    const endHandshakes = guardTlsServer(server, {
      ...{ policy, name: part.name, log, clock },
      onTimeout: () => onLimit?.(limit),
    });
    const after = (end: () => void) => () => {
      endHandshakes();
      end();
    };
    tlsServers.push(server);
    return { ...part, drain: after(part.drain), cutOff: after(part.cutOff) };
  };
  const at = (option: string, address: string | undefined, make: () => Part): Listener | undefined => {
    if (address === undefined || address === '') return undefined;
    return new Listener({ keepAliveMs, log, fail, ...make(), address: parseAddress(option, address) });
  };

  const tcp = at('tcpAddress', tcpAddress, () => tcpPart('TCP', createServer(TCP_OPTIONS, tcpHandler)));
  const tcpTls = at('tcpTlsAddress', tcpTlsAddress, () => {
    const tls = process.getBuiltinModule('node:tls'); // which is not small
    const server = tls.createServer({ ...TLS_OPTIONS, ...toServerOptions(policy, identifyTimeoutMs) }, (socket) => {
      socket.allowHalfOpen = true;
      tcpHandler!(socket);
    });
    server.maxConnections = maxConnections; // which the handler counts after the handshake
    server.on('drop', () => onLimit?.('maxConnections'));
    return guarded(tcpPart('TCP TLS', server), server, 'identifyTimeoutMs');
  });
  const https = at('httpsAddress', httpsAddress, () => {
    const tls = toServerOptions(policy, httpRequestTimeoutMs);
    const server = createHttpServer(httpHandler(), httpOptions, tls);
    return guarded(httpPart('HTTPS', server), server, 'httpRequestTimeoutMs');
  });
  const http = at('httpAddress', httpAddress, () => {
    const refusing = tlsRequired ? [requireTls(() => https!.port)] : [];
    return httpPart('HTTP', createHttpServer(httpHandler(...refusing), httpOptions));
  });
  const httpConnections = () => trackers.reduce((count, { size }) => count + size, 0);
  return { tcp, tcpTls, http, https, tlsServers, httpConnections };
}
