import { parseIpOfHostPort, toNetworkTest } from '../base/networks.js';
import { assertHandler } from './decorate.js';
import type { Caller, HttpDecorator } from './http-message.js';
import { withCaller } from './plain-path.js';

/** More proxies than that are in front of nobody. */
const MAX_HOPS = 32;

/**
 * A decorator for a server behind proxies: who asks is whom they name in `X-Forwarded-For`, where they are in one of those networks.
 * That is the right-most address that is not a trusted proxy's own; what stands left of it, anybody may have written. Whoever comes
 * from elsewhere is taken at their own address, whatever they say. A caller's certificate stays the one of the connection: the
 * proxy's. Where a proxy names no address, the caller has none, and `allowFrom` lets them in nowhere. To stand outermost, so that the
 * log has the address, too. Throws a TypeError for what is no network.
 *
 * @example
 * ```js
 * import { allowFrom, createHttpHandler, decorate, RegistrationDB, Topology, trustProxies } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const authorize = allowFrom({ read: ['192.0.2.0/24'] });
 * const handler = decorate(createHttpHandler({ topology, authorize }), trustProxies(['10.0.0.0/8']));
 * const headers = { 'x-forwarded-for': '127.0.0.1, 192.0.2.7, 10.0.0.2' };
 * const request = { method: 'GET', path: '/topics', query: '', headers, caller: { address: '10.0.0.1:5000' } };
 * console.log((await handler(request))?.status); // 200
 * ```
 */
export function trustProxies(networks: readonly string[]): HttpDecorator {
  const isTrusted = toNetworkTest('trustProxies', networks);
  return (handler) => {
    assertHandler(handler);
    return (request) => {
      const given = request.headers['x-forwarded-for'];
      const caller = request.caller ?? { address: request.remoteAddress };
      if (given === undefined || !isTrusted(caller.address)) return handler(request);
      const address = lastUntrusted(typeof given === 'string' ? given : given.join(','), isTrusted);
      return handler(withCaller(request, callerAt(address, caller)));
    };
  };
}

/** Undefined if there is none that can be read. */
function lastUntrusted(text: string, isTrusted: (address: string) => boolean): string | undefined {
  let end = text.length;
  for (let hops = 0, start: number; hops < MAX_HOPS && end >= 0; hops++, end = start) {
    start = end === 0 ? -1 : text.lastIndexOf(',', end - 1); // lastIndexOf takes -1 for 0
    const address = text.slice(start + 1, end).trim();
    if (!parseIpOfHostPort(address)) return undefined;
    if (!isTrusted(address) || start < 0) return address;
  }
  return undefined;
}

/** The proxy's certificate is still the one of the connection, and read when it is asked for. */
function callerAt(address: string | undefined, caller: Caller): Caller {
  return {
    address,
    get certificate() {
      return caller.certificate;
    },
  };
}
