/** Takes `host:port` apart; an IPv6 host stands in brackets. Throws a TypeError when it is something else. */
export function parseTcpAddress(address: string): { host: string; port: number } {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]/\s]+)):(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TypeError(`a lookupd is named host:port, and not ${JSON.stringify(address)}`);
  }
  return { host, port };
}

/** The URL of a lookupd's HTTP side, without a slash at its end. Throws a TypeError when it is none. */
export function toBaseUrl(address: string): string {
  const text = /^https?:\/\//i.test(address) ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || url.search !== '' || url.hash !== '') {
    throw new TypeError(`a lookupd is named host:port or by a URL, and not ${JSON.stringify(address)}`);
  }
  return `${url.origin}${url.pathname.replace(/\/$/, '')}`;
}
