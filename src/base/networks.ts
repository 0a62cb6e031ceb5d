import { splitHostPort } from './host-port.js';

/** An IP address as a number; an IPv4 address that IPv6 carries is one of IPv4. */
interface IpAddress {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

/** Addresses that begin alike. */
interface Network {
  readonly family: 4 | 6;
  readonly prefixLength: number;
  /** What its addresses begin with. */
  readonly prefix: bigint;
  readonly has: (address: IpAddress) => boolean;
}

/** The longest text of an address, with its zone. */
const MAX_LENGTH = 64;
const MAPPED = 0xffffn;

/** Reads an address as a connection tells it; undefined for what is none. A zone (`fe80::1%eth0`) is left out. */
function parseIp(text: string): IpAddress | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const [address = ''] = text.split('%');
  const bits = address.includes(':') ? parseIpv6(address) : parseIpv4(address);
  if (bits === undefined) return undefined;
  if (!address.includes(':')) return { family: 4, bits };
  return bits >> 32n === MAPPED ? { family: 4, bits: bits & 0xffff_ffffn } : { family: 6, bits };
}

/** The same of an address with a port behind it, or without one. */
export function parseIpOfHostPort(text: string): IpAddress | undefined {
  return parseIp(text) ?? parseIp(splitHostPort(text)?.host ?? '');
}

/** Reads `10.0.0.0/8`, `fd00::/8`, `::ffff:10.0.0.0/104`, or one address; undefined for what is none of them. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const first = parseIp(address);
  if (!first) return undefined;
  const { family, bits } = first;
  const length = family === 4 ? 32 : 128;
  // As it is written, the length of a mapped one counts from the front of IPv6.
  const written = address.includes(':') ? 128 : 32;
  const prefixLength = digits === undefined ? length : Number(digits) - (written - length);
  if (prefixLength < 0 || prefixLength > length) return undefined;
  const rest = BigInt(length - prefixLength);
  const prefix = bits >> rest;
  return { family, prefixLength, prefix, has: (other) => other.family === family && other.bits >> rest === prefix };
}

/** Whether an address, with or without a port, is in one of those networks. Throws a TypeError for what is no network. */
export function toNetworkTest(name: string, texts: readonly string[]): (address: string | undefined) => boolean {
  if (!(Array.isArray as (value: unknown) => boolean)(texts))
    throw new TypeError(`${name} must be an array of networks, such as 10.0.0.0/8`);
  const networks = texts.map((text) => toNetwork(name, text));
  return (address) => {
    const ip = address === undefined ? undefined : parseIpOfHostPort(address);
    return ip !== undefined && networks.some(({ has }) => has(ip));
  };
}

/**
 * Finds what stands beside the smallest of the networks that have an address, with or without a port. Throws a TypeError for what is
 * no network, and for one that is there twice, however it is written: nobody could say which counts.
 */
export function toNetworkTable<V>(
  name: string,
  entries: readonly (readonly [network: string, value: V])[],
): (address: string) => V | undefined {
  const known = new Map<string, string>();
  const rows = entries.map(([text, value]) => {
    const { family, prefixLength, prefix, has } = toNetwork(name, text);
    const key = [family, prefixLength, prefix].join();
    const other = known.get(key);
    if (other !== undefined) throw new TypeError(`${name} has one network twice, ${other} and ${text}`);
    known.set(key, text);
    return { prefixLength, has, value };
  });
  rows.sort((a, b) => b.prefixLength - a.prefixLength);
  return (address) => {
    const ip = rows.length === 0 ? undefined : parseIpOfHostPort(address);
    return ip && rows.find(({ has }) => has(ip))?.value;
  };
}

/** Throws a TypeError for what is no network. */
function toNetwork(name: string, text: string): Network {
  const network = typeof text === 'string' ? parseNetwork(text) : undefined;
  if (!network)
    throw new TypeError(`${name}: ${JSON.stringify(text)} is no address or network, such as 10.0.0.0/8 or fd00::/8`);
  return network;
}

/** Where an address comes from, for who counts by source: itself, or the first 64 bits of IPv6, which one host may have all of. */
export function toSource(address: string): string {
  const ip = parseIpOfHostPort(address);
  if (ip?.family === 6) return `${(ip.bits >> 64n).toString(16)}/64`;
  return ip ? ip.bits.toString() : address.replace(/:\d+$/, '');
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let bits = 0;
  for (const part of parts) {
    // A leading zero means octal to some, and nothing to others.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bits = bits * 256 + Number(part);
  }
  return BigInt(bits);
}

function parseIpv6(text: string): bigint | undefined {
  const dotted = /[^:]*\.[^:]*$/.exec(text)?.[0];
  if (dotted !== undefined) {
    const bits = parseIpv4(dotted);
    if (bits === undefined) return undefined;
    const hex = bits.toString(16).padStart(8, '0');
    return parseIpv6(`${text.slice(0, -dotted.length)}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const [front = [], back = []] = halves;
  const missing = 8 - front.length - back.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return undefined;
  const groups = [...front, ...new Array<string>(missing).fill('0'), ...back];
  if (!groups.every((group) => /^[\da-f]{1,4}$/i.test(group))) return undefined;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}
