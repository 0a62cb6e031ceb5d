const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/i;

/** `host:port` as Go writes it: an IPv6 address in brackets, an IPv4 address plain though IPv6 carried it. */
export function joinHostPort(address: string, port: number): string {
  const host = address.replace(IPV4_IN_IPV6, '');
  return toPair(host.includes(':') ? `[${host}]` : host, port);
}

const HOST_PORT = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/;

/** Takes `host:port` apart as Go writes it, an IPv6 host in brackets; undefined if it is none. The host may be empty. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const [, ipv6, name, digits] = HOST_PORT.exec(text) ?? [];
  const port = Number(digits);
  return digits === undefined || port > 65_535 ? undefined : { host: ipv6 ?? name ?? '', port };
}

/** Takes `host:port` apart; an IPv6 host stands in brackets. Throws a TypeError when it is something else. */
export function parseTcpAddress(address: string): { host: string; port: number } {
  const { host, port } = splitHostPort(address) ?? { host: '', port: 0 };
  if (host === '' || /[/\s]/.test(host) || port === 0) {
    throw new TypeError(`not host:port, with a port from 1 to 65535: ${JSON.stringify(address)}`);
  }
  return { host, port };
}

/** `host:port`, which is kept for each peer, joined: of a template engines keep the parts, in twice the memory. */
export function toPair(host: string, port: number): string {
  return [host, port].join(':');
}
