import type { Judge } from './state.js';
import type { ChangeJson } from './watch-json.js';

/** Of what kind a change is, as it is looked for. */
export const KINDS = ['nsqds', 'topics and channels', 'tombstones', 'silent, or heard of again'] as const;
export type Kind = (typeof KINDS)[number];

export function kindOf({ type, category }: ChangeJson): Kind {
  if (type === 'peerTouched') return 'silent, or heard of again';
  if (type === 'producerTombstoned') return 'tombstones';
  return category === 'client' || type === 'peerLeft' ? 'nsqds' : 'topics and channels';
}

const SIGNS: Readonly<Record<string, string>> = {
  registrationAdded: 'came',
  producerAdded: 'came',
  registrationRemoved: 'left',
  producerRemoved: 'left',
  peerLeft: 'left',
  producerTombstoned: 'tombstoned',
  peerTouched: 'touched',
};

/** What it is marked by. */
export function signOf({ type }: ChangeJson): string {
  return SIGNS[type] ?? 'note';
}

/** A change in a few words. */
export function describeChange(change: ChangeJson, judge: Judge): string {
  const { type, category, topic = '', channel = '', peer, tombstoned_at_ms: atMs = 0 } = change;
  const name = peer ? `${peer.broadcast_address}:${peer.tcp_port}` : (change.peer_key ?? 'an nsqd');
  const what = category === 'channel' ? `the channel ${channel} of ${topic}` : topic;
  switch (type) {
    case 'registrationAdded':
      return category === 'channel' ? `channel ${channel} of ${topic} came` : `topic ${topic} came`;
    case 'registrationRemoved':
      return category === 'channel' ? `channel ${channel} of ${topic} went` : `topic ${topic} went`;
    case 'producerAdded':
      return category === 'client' ? `${name} came` : `${name} has ${what}`;
    case 'producerRemoved':
      return category === 'client' ? `${name} left` : `${name} no longer has ${what}`;
    case 'producerTombstoned':
      return judge.isEnded(atMs)
        ? `the tombstone of ${name} for ${topic} was ended`
        : `${name} was tombstoned for ${topic}`;
    case 'peerLeft':
      return `${name} left`;
    case 'peerTouched':
      return judge.isLate(peer) ? `${name} fell silent` : `${name} was heard of again, or a tombstone of it ended`;
    default:
      return type;
  }
}
