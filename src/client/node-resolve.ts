import { joinHostPort } from '../base/host-port.js';
import { text } from '../base/options.js';

/**
 * What gives the lookupds behind a DNS name, as it is each time, in Node: `lookupd.example.com:4161` stands for all of its
 * addresses (A and AAAA, as the system resolves them), a name that begins with `_`, such as `_http._tcp.lookupd.example.com`, for the hosts and ports of its SRV
 * records. For the option `lookupds` of a `LookupClient`. While the name does not resolve, it gives those of before; it rejects
 * if there were none. Throws a TypeError for what is neither.
 *
 * @example
 * ```js
 * import { LookupClient, resolveLookupds } from 'nsqlookupd/client';
 *
 * const lookupds = resolveLookupds('127.0.0.1:4161');
 * console.log(await lookupds()); // [ '127.0.0.1:4161' ]
 * const client = new LookupClient({ lookupds });
 * ```
 */
export function resolveLookupds(name: string): () => Promise<readonly string[]> {
  text('name', name);
  const [, host = '', port] = /^\[?([^\s/?#@]+?)\]?(?::(\d{1,5}))?$/.exec(name) ?? [];
  const isService = host.startsWith('_');
  if (host === '' || isService !== (port === undefined)) {
    throw new TypeError(`neither a name with a port nor an SRV name: ${JSON.stringify(name)}`);
  }
  let known: readonly string[] = [];
  return async () => {
    try {
      const found = isService ? await resolveService(host) : await resolveHost(host, Number(port));
      if (found.length > 0) known = found;
    } catch (error) {
      if (known.length === 0) throw error;
    }
    return known;
  };
}

async function resolveHost(host: string, port: number): Promise<string[]> {
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(host, { all: true });
  return [...new Set(found.map(({ address }) => joinHostPort(address, port)))].sort();
}

async function resolveService(name: string): Promise<string[]> {
  const { resolveSrv } = await import('node:dns/promises');
  const found = await resolveSrv(name);
  return found.map(({ name: host, port }) => joinHostPort(host, port)).sort();
}
