import { splitHostPort } from '../base/host-port.js';

/** What is wrong with an address by itself, for whoever is elsewhere. */
export type LocalKind = 'loopback' | 'unspecified' | 'link-local';

const NAME_OF_LOOPBACK = /(?:^|\.)localhost(?:\.localdomain)?\.?$/i;
const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
/** Docker names a container by the first 12 digits of its id unless told otherwise. */
const CONTAINER_ID = /^(?:[0-9a-f]{12}|[0-9a-f]{64})$/;

/** An address in the one way of writing it, an IPv4 address plain though IPv6 carried it; undefined for a name. */
export function toIp(host: string): string | undefined {
  const plain = host.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '');
  if (/[^\w.:-]/.test(plain)) return undefined; // a URL would read a host out of more
  const isIpv6 = plain.includes(':');
  try {
    const { hostname } = new URL(isIpv6 ? `http://[${plain}]` : `http://${plain}`);
    const ip = hostname.replace(/^\[(.*)\]$/, '$1');
    const [, high = '', low = ''] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(ip) ?? [];
    if (high !== '') return [high, low].flatMap((part) => toBytes(parseInt(part, 16))).join('.');
    return isIpv6 || IPV4.test(ip) ? ip : undefined;
  } catch {
    return undefined;
  }
}

function toBytes(part: number): readonly number[] {
  return [part >> 8, part & 255];
}

/** Undefined for an address that others may reach. */
export function localKind(host: string): LocalKind | undefined {
  if (host === '') return 'unspecified';
  if (NAME_OF_LOOPBACK.test(host)) return 'loopback';
  const ip = toIp(host) ?? '';
  if (ip === '0.0.0.0' || ip === '::') return 'unspecified';
  if (ip.startsWith('127.') || ip === '::1') return 'loopback';
  return ip.startsWith('169.254.') || /^fe[89ab]/.test(ip) ? 'link-local' : undefined;
}

export function isContainerId(host: string): boolean {
  return CONTAINER_ID.test(host);
}

/** The address that a peer speaks from, if that is one and tells of anything: not of the same machine. */
export function remoteIp(remoteAddress: string): string | undefined {
  const ip = toIp(splitHostPort(remoteAddress)?.host ?? '');
  return ip === undefined || localKind(ip) === 'loopback' || localKind(ip) === 'unspecified' ? undefined : ip;
}
