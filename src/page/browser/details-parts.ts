import { formatAge, formatNumber, h, plural } from './dom.js';
import type { Shown } from './details.js';
import type { Peer } from './model.js';
import { STATE_NAMES, type State } from './state.js';

/** The most rows of a list; the rest is counted. */
const MOST = 300;

export function mark(state: State): HTMLElement {
  return h(
    'span',
    { class: 'state' },
    h('span', { class: `mark ${state}`, 'aria-hidden': 'true' }),
    STATE_NAMES[state],
  );
}

/** The first of them, and how many more there are. */
export function first<T>(items: Iterable<T>, toRow: (item: T) => HTMLElement): HTMLElement[] {
  const rows: HTMLElement[] = [];
  let more = 0;
  for (const item of items) {
    if (rows.length < MOST) rows.push(toRow(item));
    else more++;
  }
  if (more > 0) rows.push(h('li', { class: 'soft' }, `and ${plural(more, 'more', 'more')}`));
  return rows;
}

export function list(title: string, rows: readonly HTMLElement[], count = rows.length): Node[] {
  const head = h('h3', {}, title, count > 0 && h('span', { class: 'count' }, formatNumber(count)));
  return [head, rows.length > 0 ? h('ul', { class: 'list' }, ...rows) : h('p', { class: 'soft' }, 'None.')];
}

/** Beside each other as far as they fit; none is torn apart. */
export function line(...facts: readonly (Node | string | false | undefined)[]): HTMLElement {
  const parts = facts.flatMap((fact) => (fact === false || fact === undefined ? [] : [h('span', {}, fact)]));
  return h('div', { class: 'parts soft' }, ...parts);
}

/** A button that hides a producer from consumers, or shows it again, for who may. */
export function tombstoneButton(topic: string, { node }: Peer, state: State, { judge, writes }: Shown) {
  const isTombstoned = state === 'tombstoned';
  if (!judge.may(isTombstoned ? 'topic/untombstone' : 'topic/tombstone')) return undefined;
  const forText = formatAge(judge.about?.tombstone_lifetime_ms ?? 0);
  const label = `${isTombstoned ? 'End the tombstone of' : 'Tombstone'} ${node} for ${topic}`;
  const click = () => (isTombstoned ? writes.untombstone(topic, node) : writes.tombstone(topic, node, forText));
  return h('button', { class: 'link', 'aria-label': label, click }, isTombstoned ? 'End the tombstone…' : 'Tombstone…');
}
