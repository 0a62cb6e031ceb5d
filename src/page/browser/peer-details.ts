import { formatAge, h } from './dom.js';
import type { Shown } from './details.js';
import { first, line, list, mark, tombstoneButton } from './details-parts.js';
import { toItem } from './findings-view.js';
import type { Peer } from './model.js';

const LATEST = 12;

/** All of an nsqd: where it is, what it has, what is wrong with it, and what changed lately. */
export function peerParts(peer: Peer, shown: Shown): Node[] {
  const { judge, timeline, openSubject } = shown;
  const { info, key, name, topics } = peer;
  const state = judge.ofPeer(peer);
  const heardMs = shown.heardMs(peer);
  const facts: [string, string][] = [
    ['Announced as', `${info.broadcast_address}, TCP ${info.tcp_port}, HTTP ${info.http_port}`],
    ['Seen as', info.remote_address],
    ['Hostname', info.hostname || '–'],
    ['Version', info.version],
    ['Zone', info.topology_zone || '–'],
    ['Region', info.topology_region || '–'],
    ['Connection', state === 'restored' ? 'none: it was here before a restart' : shown.isPolled ? '–' : key],
    ['Last ping', heardMs === undefined ? '–' : `${formatAge(judge.now() - heardMs)} ago`],
  ];
  const found = shown.findings()?.findings.filter(({ subject }) => subject === name) ?? [];
  const latest = timeline.latest((change) => change.peer_key === key, LATEST);
  const rows = first(topics, (topic) => {
    const at = judge.of(peer, topic.producers.get(peer)!);
    const open = h('button', { class: 'link', click: () => shown.openTopic(topic.name) }, topic.name);
    return h('li', {}, h('div', { class: 'line' }, open, mark(at)), line(tombstoneButton(topic.name, peer, at, shown)));
  });
  return [
    h('p', { class: 'kind' }, 'nsqd ', mark(state)),
    h('h2', {}, name),
    h('dl', { class: 'facts' }, ...facts.flatMap(([term, value]) => [h('dt', {}, term), h('dd', {}, value)])),
    ...(found.length > 0
      ? list(
          'Findings',
          found.map((finding) => toItem(finding, openSubject)),
        )
      : []),
    ...list('Topics', rows, topics.size),
    ...list(
      'Changed lately',
      latest.map((entry) => timeline.toItem(entry)),
      0,
    ),
  ];
}
