import { joinHostPort } from '../../base/host-port.js';
import type { Caller, CallerCertificate, HttpRequest } from '../http-message.js';
import { toPlainPath } from '../plain-path.js';
import type { NodeRequest, NodeResponse } from './node-messages.js';

/** Makes a reader of requests; what a connection tells of its client is put together once. */
export function createRequestReader(): (request: NodeRequest, response: NodeResponse) => HttpRequest {
  const callers = new WeakMap<NodeRequest['socket'], NodeCaller>();
  const callerOf = (socket: NodeRequest['socket']): NodeCaller => {
    let caller = callers.get(socket);
    if (!caller) callers.set(socket, (caller = new NodeCaller(socket)));
    return caller;
  };
  return ({ method = 'GET', url = '/', baseUrl, headers, socket }, response) => {
    const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
    const mark = target.indexOf('?');
    const sentPath = mark < 0 ? target : target.slice(0, mark);
    const caller = callerOf(socket);
    const request = {
      method,
      path: toPlainPath(sentPath) ?? sentPath,
      sentPath,
      query: mark < 0 ? '' : target.slice(mark + 1),
      headers,
      basePath: baseUrl,
      remoteAddress: caller.address,
      caller,
      [RESPONSE]: response,
    };
    return Object.defineProperty(request, 'signal', SIGNAL);
  };
}

const RESPONSE = Symbol('response');

/** One getter for the requests of all: with one each, engines make them three times as slowly. */
const SIGNAL = {
  configurable: true,
  enumerable: true,
  get(this: { readonly caller: NodeCaller; readonly [RESPONSE]: NodeResponse }): AbortSignal {
    const value = signalOf(NodeCaller.socketOf(this.caller), this[RESPONSE]);
    Object.defineProperty(this, 'signal', { value });
    return value;
  },
};

/** One that sends no more may be gone for all that can be told before it is written to: it counts as gone, as in Go. */
function signalOf(socket: NodeRequest['socket'], response: NodeResponse): AbortSignal {
  const leaving = new AbortController();
  const abort = () => {
    if (response.writableFinished !== true) leaving.abort();
  };
  if (response.destroyed || socket.readableEnded === true) abort();
  else {
    socket.once?.('end', abort);
    response.on('close', () => {
      socket.off?.('end', abort);
      abort();
    });
  }
  return leaving.signal;
}

class NodeCaller implements Caller {
  readonly address: string | undefined;
  readonly #socket: NodeRequest['socket'];
  #certificate: CallerCertificate | undefined;

  constructor(socket: NodeRequest['socket']) {
    const { remoteAddress, remotePort } = socket;
    this.#socket = socket;
    if (remoteAddress !== undefined && remotePort !== undefined) this.address = joinHostPort(remoteAddress, remotePort);
  }

  static socketOf(caller: NodeCaller): NodeRequest['socket'] {
    return caller.#socket;
  }

  get certificate(): CallerCertificate | undefined {
    if (this.#socket.authorized !== true) return undefined;
    // Node takes it apart anew each time that it is asked.
    return (this.#certificate ??= this.#socket.getPeerCertificate?.() as CallerCertificate | undefined);
  }
}
