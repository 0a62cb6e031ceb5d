/** What a peer tells about itself with IDENTIFY. */
export interface Identity {
  /** Where consumers reach it: a host name or an address; not empty. */
  readonly broadcastAddress: string;
  /** Of the machine that it runs on; `''` if left out. */
  readonly hostname: string;
  /** Where consumers connect to, from 1 to 65,535. */
  readonly tcpPort: number;
  /** Where it answers HTTP, from 1 to 65,535; a tombstone names a node by this one. */
  readonly httpPort: number;
  /** Of its software, such as `1.3.0`; not empty. */
  readonly version: string;
  /** The zone that it is in, such as a data centre; `''` if left out. */
  readonly topologyZone: string;
  /** The region that it is in; `''` if left out. */
  readonly topologyRegion: string;
}

export const IDENTITY_TEXTS = ['broadcastAddress', 'hostname', 'version', 'topologyZone', 'topologyRegion'] as const;

/** Whether it has all that an identity has, each of its kind. */
export function isIdentity(value: unknown): value is Identity {
  const given = Object(value) as Partial<Identity>;
  const hasTexts = IDENTITY_TEXTS.every((name) => typeof given[name] === 'string');
  return hasTexts && Number.isInteger(given.tcpPort) && Number.isInteger(given.httpPort);
}

/** As it is written in JSON, in the order of nsqlookupd's answers. */
export function toWireIdentity(identity: Identity) {
  return {
    hostname: identity.hostname,
    broadcast_address: identity.broadcastAddress,
    tcp_port: identity.tcpPort,
    http_port: identity.httpPort,
    version: identity.version,
    topology_zone: identity.topologyZone,
    topology_region: identity.topologyRegion,
  };
}

/** The same back, by what `text` and `port` say is written under each name. */
export function toIdentity(text: (name: string) => string, port: (name: string) => number): Identity {
  return {
    broadcastAddress: text('broadcast_address'),
    hostname: text('hostname'),
    tcpPort: port('tcp_port'),
    httpPort: port('http_port'),
    version: text('version'),
    topologyZone: text('topology_zone'),
    topologyRegion: text('topology_region'),
  };
}

/** What is known of a peer beside what it tells. */
interface Known {
  readonly id: string;
  readonly remoteAddress: string;
  readonly lastUpdateMs: number;
}

/** Field by field: V8 gives each object that is made by `{ ...one, more }` a shape of its own, which slows down all who read them. */
export function toPeerInfo(identity: Identity, { id, remoteAddress, lastUpdateMs }: Known): Identity & Known {
  const { hostname, broadcastAddress, tcpPort, httpPort, version, topologyZone, topologyRegion } = identity;
  return {
    id,
    remoteAddress,
    hostname,
    broadcastAddress,
    tcpPort,
    httpPort,
    version,
    topologyZone,
    topologyRegion,
    lastUpdateMs,
  };
}
