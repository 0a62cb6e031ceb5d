import { formatAge, h, plural } from './dom.js';
import type { Shown } from './details.js';
import { first, line, list, mark, tombstoneButton } from './details-parts.js';
import type { Peer, Topic } from './model.js';

const LATEST = 12;

/** All of a topic: its channels, who carries it, and what changed lately. */
export function topicParts(topic: Topic, shown: Shown): Node[] {
  const { name, producers, channels, isMade } = topic;
  const { judge, writes, timeline, isPolled } = shown;
  const kind = isMade ? 'Topic, created by an operator' : 'Topic';
  const tools = [
    judge.may('channel/create') && h('button', { click: () => writes.createChannel(name) }, 'New channel…'),
    judge.may('topic/delete') &&
      h('button', { class: 'danger', click: () => writes.deleteTopic(name, producers.size) }, 'Delete topic…'),
  ];
  const latest = timeline.latest((change) => change.topic === name, LATEST);
  return [
    h('p', { class: 'kind' }, kind),
    h('h2', {}, name),
    h('div', { class: 'tools' }, ...tools),
    ...list(
      'Channels',
      first(channels, ([channel, peers]) => toChannelRow(name, channel, isPolled ? undefined : peers.size, shown)),
      channels.size,
    ),
    ...list(
      'Producers',
      first(producers, ([peer, at]) => toProducerRow(name, peer, at, shown)),
      producers.size,
    ),
    ...list(
      'Changed lately',
      latest.map((entry) => timeline.toItem(entry)),
      0,
    ),
  ];
}

function toProducerRow(topic: string, peer: Peer, tombstonedAtMs: number, shown: Shown): HTMLElement {
  const { judge, openPeer, heardMs } = shown;
  const { info, name } = peer;
  const state = judge.of(peer, tombstonedAtMs);
  const at = heardMs(peer);
  const leftMs = tombstonedAtMs + judge.tombstoneLifetimeMs - judge.now();
  return h(
    'li',
    {},
    h('div', { class: 'line' }, h('button', { class: 'link', click: () => openPeer(peer) }, name), mark(state)),
    line(
      `seen as ${info.remote_address}`,
      `version ${info.version}`,
      info.topology_zone !== '' && `zone ${info.topology_zone}`,
      at !== undefined && `last ping ${formatAge(judge.now() - at)} ago`,
      state === 'tombstoned' && `tombstone ends in ${formatAge(leftMs)}`,
      tombstoneButton(topic, peer, state, shown),
    ),
  );
}

/** `count`: at how many nsqds; undefined if that is not known. */
function toChannelRow(topic: string, channel: string, count: number | undefined, { judge, writes }: Shown) {
  const label = `Delete the channel ${channel}`;
  return h(
    'li',
    { class: 'line' },
    h('span', {}, channel),
    line(
      count !== undefined && `at ${plural(count, 'nsqd')}`,
      judge.may('channel/delete') &&
        h(
          'button',
          { class: 'link', 'aria-label': label, click: () => writes.deleteChannel(topic, channel) },
          'Delete…',
        ),
    ),
  );
}
