import { joinHostPort, parseTcpAddress } from '../base/host-port.js';

/** The URL of a lookupd's HTTP side, without a slash at its end. Throws a TypeError when it is none. */
export function toBaseUrl(address: string): string {
  if (!/^https?:\/\//i.test(address)) {
    const { host, port } = parseTcpAddress(address);
    return `http://${joinHostPort(host, port)}`;
  }
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError(`a URL of a lookupd has no query, user or password: ${JSON.stringify(address)}`);
  }
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
}

/** The addresses, each once. Throws a TypeError when there are none. */
export function toLookupds(lookupds: readonly string[] | undefined): readonly string[] {
  if (typeof lookupds !== 'object' || lookupds.length === 0) {
    throw new TypeError('lookupds must be an array that names at least one lookupd');
  }
  return [...new Set(lookupds)];
}
