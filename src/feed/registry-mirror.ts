import { withMethods } from '../base/options.js';
import type { RegistrationDB } from '../registry/index.js';
import { toChange, toPeer, toRegistration, type ChangeJson } from './change-json.js';
import type { SnapshotPartJson } from './registry-events.js';

/**
 * Makes a registry what `/watch` without a topic tells: hand it each event's name and data. After the last part of a snapshot and the
 * changes that follow it, the db holds what the lookupd's does; its peers have no connection. Throws a TypeError for what is no such
 * event.
 *
 * @example
 * ```js
 * import { createRegistryMirror } from 'nsqlookupd/feed';
 * import { RegistrationDB } from 'nsqlookupd/registry';
 *
 * const db = new RegistrationDB();
 * const mirror = createRegistryMirror(db);
 * mirror('snapshot', '{"part":1,"is_last":true,"peers":{},"registrations":[]}');
 * mirror(
 *   'change',
 *   '{"revision":7,"type":"registrationAdded","category":"topic","topic":"orders","channel":"","is_made":true}',
 * );
 * console.log(db.size); // 1
 * ```
 */
export function createRegistryMirror(db: RegistrationDB): (event: string, data: string) => void {
  withMethods('a RegistrationDB', 'apply', 'entries')('db', db);
  const peers = new Map<string, ReturnType<typeof toPeer>>();

  const takePart = ({ part, peers: named, registrations }: SnapshotPartJson) => {
    if (part === 1) {
      peers.clear();
      for (const [registration] of [...db.entries()]) db.removeRegistration(registration);
    }
    for (const [key, peer] of Object.entries(named)) peers.set(key, toPeer(peer, key));
    for (const json of registrations) {
      const registration = toRegistration(json);
      db.apply({ revision: 0, type: 'registrationAdded', registration, isMade: json.is_made });
      for (const { peer_key: peerKey, tombstoned_at_ms: tombstonedAtMs } of json.producers) {
        const peer = peers.get(peerKey);
        if (!peer) throw new TypeError(`a snapshot lacks the peer ${peerKey}`);
        const producer = { peer, tombstonedAtMs };
        const change = { revision: 0, registration, peer, peerKey, producer };
        db.apply({ ...change, type: 'producerAdded' });
        if (tombstonedAtMs !== undefined) db.apply({ ...change, type: 'producerTombstoned', tombstonedAtMs });
      }
    }
  };
  return (event, data) => {
    if (event === 'snapshot') takePart(JSON.parse(data) as SnapshotPartJson);
    else if (event === 'change') db.apply(toChange(JSON.parse(data) as ChangeJson));
    else throw new TypeError(`not an event of a registry: ${event}`);
  };
}
