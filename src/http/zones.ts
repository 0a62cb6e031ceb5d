import { toNetworkTable } from '../base/networks.js';
import { anObject, text } from '../base/options.js';
import type { PeerInfo } from '../registry/index.js';
import type { HttpRequest } from './http-message.js';
import { readArguments } from './query.js';

/** Whether `/lookup` takes into account where the caller is: `off`, `prefer` (only the nearest producers) or `order` (all, the nearest first). */
export const ZONE_POLICIES = ['off', 'prefer', 'order'] as const;
/** So many addresses are known again, each as short as an address is, with a zone and a port. */
const MAX_KNOWN = 1000;
const MAX_ADDRESS_LENGTH = 72;

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
  const find = toNetworkTable(
    'zones',
    Object.entries(table).map(([network, value]) => [network, toPlace(`zones[${network}]`, value)]),
  );
  const known = new Map<string, Place | undefined>();
  return ({ caller, remoteAddress }) => {
    const address = caller?.address ?? remoteAddress ?? '';
    if (address.length > MAX_ADDRESS_LENGTH) return undefined;
    if (known.has(address)) return known.get(address);
    const place = find(address);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(address, place);
    return place;
  };
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
