const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/i;

/** `host:port` as Go writes it: an IPv6 address in brackets, an IPv4 address plain though IPv6 carried it. */
export function joinHostPort(address: string, port: number): string {
  const host = address.replace(IPV4_IN_IPV6, '');
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
