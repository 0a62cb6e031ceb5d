import { toNetwork, parseIpOfHostPort } from '../base/networks.js';
import { anObject, text } from '../base/options.js';
import type { PeerInfo } from '../registry/index.js';
import type { HttpRequest } from './http-message.js';
import { readArguments } from './query.js';

/** Whether `/lookup` heeds where the caller is: `off`, `prefer` (only the nearest producers) or `order` (all, the nearest first). */
export const ZONE_POLICIES = ['off', 'prefer', 'order'] as const;
/** So many addresses are known again, each as short as an address is. */
const MAX_KNOWN = 1000;

/** One of those. */
export type ZonePolicy = (typeof ZONE_POLICIES)[number];

/** Where a caller is, as nsqds say it of themselves with `-topology-zone` and `-topology-region`. */
export interface Place {
  /** `''` where it is not known. */
  readonly zone: string;
  /** `''` where it is not known. */
  readonly region: string;
}

/** Where a caller is, as far as it is known. */
export type ZoneOf = (request: HttpRequest) => Partial<Place> | undefined;

/** Zones by network: a zone, or a zone and a region. */
export type ZoneTable = Readonly<Record<string, string | Partial<Place>>>;

/**
 * Tells where a caller is by its address: of the networks that have it, the smallest counts. For the option `zoneOf`. Throws a
 * TypeError for what is no network, zone or region, and for a network that is there twice, also if written in two ways.
 *
 * @example
 * ```js
 * import { zoneByNetwork } from 'nsqlookupd/http';
 *
 * const zoneOf = zoneByNetwork({ '10.0.1.0/24': 'zone-a', '10.0.0.0/8': { region: 'eu' } });
 * const request = { method: 'GET', path: '/lookup', query: '', headers: {}, caller: { address: '10.0.1.7:4000' } };
 * console.log(zoneOf(request)); // { zone: 'zone-a', region: '' }
 * ```
 */
export function zoneByNetwork(table: ZoneTable): ZoneOf {
  anObject('zones', table);
  const rows = Object.entries(table)
    .map(([network, value]) => ({ network: toNetwork('zones', network), place: toPlace(`zones[${network}]`, value) }))
    .sort((a, b) => b.network.prefixLength - a.network.prefixLength);
  refuseTwice(Object.keys(table));
  const known = new Map<string, Place | undefined>();
  return ({ caller, remoteAddress }) => {
    const text = caller?.address ?? remoteAddress ?? '';
    if (known.has(text)) return known.get(text);
    const address = parseIpOfHostPort(text);
    if (!address) return undefined;
    const place = rows.find(({ network }) => network.has(address))?.place;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(text, place);
    return place;
  };
}

/** However it is written: nobody could say which of two zones counts. */
function refuseTwice(texts: readonly string[]): void {
  const known = new Map<string, string>();
  for (const text of texts) {
    const { family, prefixLength, prefix } = toNetwork('zones', text);
    const key = [family, prefixLength, prefix].join();
    const other = known.get(key);
    if (other !== undefined) throw new TypeError(`zones has one network twice, ${other} and ${text}`);
    known.set(key, text);
  }
}

/** Throws a TypeError for what is neither a zone nor a place. */
function toPlace(name: string, value: string | Partial<Place>): Place {
  if (typeof value === 'string') return { zone: value, region: '' };
  anObject(name, value);
  const { zone = '', region = '', ...others } = value;
  text(`${name}.zone`, zone);
  text(`${name}.region`, region);
  for (const other of Object.keys(others)) throw new TypeError(`${name} has no ${other}, only a zone and a region`);
  return { zone, region };
}

/** What the caller says in the query, `zone=Z&region=R`, or what the function knows of it. */
export function placeOf(request: HttpRequest, zoneOf: ZoneOf | undefined): Place | undefined {
  const [zone, region] = /zone|region|%/.test(request.query)
    ? (readArguments(request.query, ['zone', 'region']) ?? [])
    : [];
  if (zone !== undefined || region !== undefined) return { zone: zone ?? '', region: region ?? '' };
  const known = zoneOf?.(request);
  return known && toPlace('zoneOf', known);
}

/** The zones and regions in which there are producers. */
export interface PlacesOf {
  readonly zones: ReadonlySet<string>;
  readonly regions: ReadonlySet<string>;
}

export function placesOf(producers: readonly PeerInfo[]): PlacesOf {
  return {
    zones: new Set(producers.map(({ topologyZone }) => topologyZone)),
    regions: new Set(producers.map(({ topologyRegion }) => topologyRegion)),
  };
}

/**
 * As much of a place as makes a difference where there are those producers; undefined where none does. So answers differ only as much
 * as producers do, whatever callers say.
 */
export function reducePlace({ zone, region }: Place, places: PlacesOf, policy: ZonePolicy): Place | undefined {
  const known = {
    zone: places.zones.has(zone) ? zone : '',
    region: places.regions.has(region) ? region : '',
  };
  if (known.zone === '' && known.region === '') return undefined;
  return policy === 'prefer' && known.zone !== '' ? { ...known, region: '' } : known;
}

/** The producers that a caller at a reduced place is told of, in that order. */
export function nearest(producers: readonly PeerInfo[], { zone, region }: Place, policy: ZonePolicy): PeerInfo[] {
  const isZone = (peer: PeerInfo) => zone !== '' && peer.topologyZone === zone;
  const isRegion = (peer: PeerInfo) => region !== '' && !isZone(peer) && peer.topologyRegion === region;
  if (policy === 'prefer') return producers.filter(zone === '' ? isRegion : isZone);
  const rest = producers.filter((peer) => !isZone(peer) && !isRegion(peer));
  return [...producers.filter(isZone), ...producers.filter(isRegion), ...rest];
}
