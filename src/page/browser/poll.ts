import type { Api } from './api.js';
import type { Model } from './model.js';
import type { ChangeJson, PeerJson } from './watch-json.js';

interface NodesJson {
  readonly producers: readonly (PeerJson & {
    readonly topics: readonly string[];
    readonly tombstones: readonly boolean[];
  })[];
}

/** The changes that make the model what `/nodes` and `/topics` answer; undefined if they do not. New channels are not in there. */
export async function pollChanges(api: Api, model: Model, nowMs: number): Promise<ChangeJson[] | undefined> {
  const [nodes, topics] = await Promise.all([
    api.read<NodesJson>('nodes'),
    api.read<{ readonly topics: readonly string[] }>('topics'),
  ]);
  if (!nodes || !topics) return undefined;
  const changes: ChangeJson[] = [];
  const add = (type: ChangeJson['type'], rest: Partial<ChangeJson>) => changes.push({ revision: 0, type, ...rest });
  const named = new Set(topics.topics);
  const seen = new Map<string, Map<string, boolean>>();
  for (const topic of named) {
    if (model.topics.get(topic)?.isThere !== true)
      add('registrationAdded', { category: 'topic', topic, channel: '', is_made: false });
  }
  for (const { topics: carried, tombstones, ...rest } of nodes.producers) {
    const key = `poll/${rest.remote_address}`;
    const peer: PeerJson = { ...rest, last_update_ms: nowMs };
    const known = model.peers.get(key);
    const common = { peer_key: key, peer };
    seen.set(key, new Map(carried.map((topic, i) => [topic, tombstones[i] ?? false])));
    if (!known) add('producerAdded', { ...common, category: 'client', topic: '', channel: '' });
    carried.forEach((topic, i) => {
      const at = known && model.topics.get(topic)?.producers.get(known);
      const isTombstoned = tombstones[i] ?? false;
      const of: Partial<ChangeJson> = { ...common, category: 'topic', topic, channel: '' };
      if (at === undefined) add('producerAdded', of);
      if (isTombstoned && !(at !== undefined && at > 0)) add('producerTombstoned', { ...of, tombstoned_at_ms: nowMs });
      else if (!isTombstoned && at !== undefined && at > 0) add('producerTombstoned', { ...of, tombstoned_at_ms: 0 });
    });
  }
  for (const { name, producers, channels, isThere } of model.topics.values()) {
    for (const peer of producers.keys()) {
      const of: Partial<ChangeJson> = {
        category: 'topic',
        topic: name,
        channel: '',
        peer_key: peer.key,
        peer: peer.info,
      };
      if (seen.get(peer.key)?.has(name) !== true) add('producerRemoved', of);
    }
    if (!isThere || named.has(name)) continue;
    for (const channel of channels.keys()) add('registrationRemoved', { category: 'channel', topic: name, channel });
    add('registrationRemoved', { category: 'topic', topic: name, channel: '' });
  }
  for (const { key, info, isClient } of model.peers.values()) {
    const of: Partial<ChangeJson> = { category: 'client', topic: '', channel: '', peer_key: key, peer: info };
    if (isClient && !seen.has(key)) add('producerRemoved', of);
  }
  return changes;
}
