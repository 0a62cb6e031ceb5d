import { splitHostPort } from '../base/host-port.js';

/** An address to listen on. Without a host: all of the machine's. */
export interface ListenAddress {
  readonly host?: string;
  readonly port: number;
  /** As it was given. */
  readonly text: string;
}

/**
 * Reads `host:port` as Go writes it: `0.0.0.0:4160`, `:4160`, `[::1]:0`, `localhost:4161`. A port of 0 asks
 * for a free one. Throws a TypeError that names the option and the address if it is none.
 */
export function parseAddress(option: string, text: string): ListenAddress {
  const address = splitHostPort(text);
  if (!address) throw new TypeError(`${option} ${JSON.stringify(text)} is not host:port, with a port from 0 to 65535`);
  const { host, port } = address;
  // As in Go, 0.0.0.0 is all addresses, those of IPv6 as well.
  return host === '' || host === '0.0.0.0' ? { port, text } : { host, port, text };
}
