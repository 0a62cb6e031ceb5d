import { isIdentity, toIdentity, toPeerInfo, toWireIdentity } from '../base/identity.js';
import type { Category, Change, ChangeType, PeerInfo, Registration } from '../registry/index.js';

/** A change as one JSON object, in `/watch`. */
export interface ChangeJson {
  /** The revision right after it. */
  readonly revision: number;
  /** What kind of change it is. */
  readonly type: ChangeType;
  /** Of the registration: `client`, `topic` or `channel`. */
  readonly category?: Category;
  /** Of the registration: the topic, or `''` for a client. */
  readonly topic?: string;
  /** Of the registration: the channel, or `''`. */
  readonly channel?: string;
  /** Of `registrationAdded`: whether it was made without a producer, as an operator does. */
  readonly is_made?: boolean;
  /** Names the peer, where one is concerned. */
  readonly peer_key?: string;
  /** The peer, as in `/nodes`, with when it was last heard of. */
  readonly peer?: PeerJson;
  /** Of `producerTombstoned`: when, in milliseconds since 1970. */
  readonly tombstoned_at_ms?: number;
}

/** A peer in a change. */
export interface PeerJson {
  /** `address:port` that it connects from. */
  readonly remote_address: string;
  /** Of its machine. */
  readonly hostname: string;
  /** Where consumers reach it. */
  readonly broadcast_address: string;
  /** Where consumers connect to. */
  readonly tcp_port: number;
  /** Where it answers HTTP. */
  readonly http_port: number;
  /** Of its software. */
  readonly version: string;
  /** `''` if it told none. */
  readonly topology_zone: string;
  /** `''` if it told none. */
  readonly topology_region: string;
  /** When it was last heard of: milliseconds since 1970. */
  readonly last_update_ms: number;
}

/** A change as a JSON object. Times are moved by so many milliseconds, to those of the system's clock. */
export function toChangeJson(change: Change, offsetMs: number): ChangeJson {
  const { revision, type } = change;
  return {
    revision,
    type,
    ...('registration' in change && fromRegistration(change.registration)),
    ...(change.type === 'registrationAdded' && { is_made: change.isMade }),
    ...('peer' in change && { peer_key: change.peerKey, peer: fromPeer(change.peer, offsetMs) }),
    ...(change.type === 'producerTombstoned' && { tombstoned_at_ms: change.tombstonedAtMs + offsetMs }),
  };
}

/**
 * The change that a JSON object of `/watch` tells of, for `db.apply`: a snapshot's and the changes after it give the same registry.
 * Throws a TypeError for what is none.
 *
 * @example
 * ```js
 * import { toChange } from 'nsqlookupd/feed';
 * import { RegistrationDB } from 'nsqlookupd/registry';
 *
 * const db = new RegistrationDB();
 * const data = '{"revision":1,"type":"registrationAdded","category":"topic","topic":"orders","channel":"","is_made":true}';
 * db.apply(toChange(JSON.parse(data)));
 * console.log(db.size); // 1
 * ```
 */
export function toChange(json: ChangeJson): Change {
  const { revision, type, is_made: isMade = false, peer_key: peerKey = '', tombstoned_at_ms: atMs } = json ?? {};
  if (!Number.isSafeInteger(revision)) throw new TypeError('a change must have a revision');
  if (type === 'peerTouched' || type === 'peerLeft')
    return { revision, type, peerKey, peer: toPeer(json.peer, peerKey) };
  const registration = toRegistration(json);
  if (type === 'registrationAdded') return { revision, type, registration, isMade };
  if (type === 'registrationRemoved') return { revision, type, registration };
  if (type !== 'producerAdded' && type !== 'producerRemoved' && type !== 'producerTombstoned') {
    throw new TypeError(`not a change: ${String(type)}`);
  }
  const peer = toPeer(json.peer, peerKey);
  const producer = { peer, tombstonedAtMs: atMs };
  if (type !== 'producerTombstoned') return { revision, type, registration, peer, peerKey, producer };
  if (!Number.isFinite(atMs)) throw new TypeError('a tombstone must have a time');
  return { revision, type, registration, peer, peerKey, producer, tombstonedAtMs: atMs! };
}

export function fromRegistration({ category, key, subkey }: Registration) {
  return { category, topic: key, channel: subkey };
}

export function toRegistration({ category, topic, channel }: Partial<ChangeJson>): Registration {
  const isKnown = category === 'client' || category === 'topic' || category === 'channel';
  if (!isKnown || typeof topic !== 'string' || typeof channel !== 'string') {
    throw new TypeError('a change must have a category, a topic and a channel');
  }
  return { category, key: topic, subkey: channel };
}

export function fromPeer(peer: PeerInfo, offsetMs: number): PeerJson {
  const { remoteAddress: remote_address, lastUpdateMs } = peer;
  return { remote_address, ...toWireIdentity(peer), last_update_ms: lastUpdateMs + offsetMs };
}

export function toPeer(json: PeerJson | undefined, peerKey: unknown): PeerInfo {
  const given = Object(json) as Readonly<Record<string, unknown>>;
  const { remote_address: id, last_update_ms: lastUpdateMs } = given;
  const identity = toIdentity(
    (name) => given[name] as string,
    (name) => given[name] as number,
  );
  const isPeer = isIdentity(identity) && typeof id === 'string' && Number.isFinite(lastUpdateMs);
  if (!isPeer || typeof peerKey !== 'string' || peerKey === '') throw new TypeError('a change has no whole peer');
  return toPeerInfo(identity, { id, remoteAddress: id, lastUpdateMs: Number(lastUpdateMs) });
}
