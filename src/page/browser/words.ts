import type { ChangeJson } from './model.js';
import type { Judge } from './state.js';

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
      return `${name} was heard of again, fell silent, or a tombstone of it ended`;
    default:
      return type;
  }
}
