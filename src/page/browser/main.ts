import { Api } from './api.js';
import { Details, mark } from './details.js';
import { byId, fill, h, say } from './dom.js';
import { countFindings, showFindings, type FindingsJson } from './findings-view.js';
import { Head } from './head.js';
import { TopologyMap } from './map.js';
import { Model, type ChangeJson } from './model.js';
import { Source, type Way } from './source.js';
import { Judge, STATES, type About } from './state.js';
import { Tables } from './tables.js';
import { listenToTabs, openTab } from './tabs.js';
import { Timeline } from './timeline.js';
import { describeChange } from './words.js';
import { Writes } from './writes.js';

const ASK_MS = 10_000;
const HEARD_MS = 5000;
/** Details and tables are drawn anew at most so often, for changes. */
const REDRAW_MS = 60;

const api = new Api();
const judge = new Judge();
let model = new Model();
let found: FindingsJson | undefined;
let isRedrawDue = false;

const writes = new Writes(api, () => {
  void ask();
  source.retry();
});
api.onUnauthorized = () => writes.askToken();

const openTopic = (topic: string) => {
  openTab('details');
  details.openTopic(model, topic);
  map.choose(topic, '');
};
const openPeer = (key: string) => {
  openTab('details');
  details.openPeer(model, key);
  map.choose('', key);
};
/** What a finding is about: an nsqd, a topic, or a channel of one. */
const openSubject = (subject: string) => {
  for (const peer of model.peers.values()) if (peer.name === subject) return openPeer(peer.key);
  const [topic = ''] = subject.split('/');
  if (model.topics.has(topic)) openTopic(topic);
};
const openChange = ({ topic = '', peer_key: key = '' }: ChangeJson) =>
  topic === '' ? openPeer(key) : openTopic(topic);

const timeline = new Timeline({
  api,
  oldestIndex: () => judge.about?.oldest_index ?? null,
  seenFrom: () => source.seenFrom,
  describe: (change) => describeChange(change, judge),
  onOpen: openChange,
});
const head = new Head(() => {
  openTab('findings');
  byId('tab-findings').focus();
});
const tables = new Tables({ judge, openTopic, openPeer });
const map = new TopologyMap({
  canvas: byId('canvas') as HTMLCanvasElement,
  tip: byId('tip'),
  judge,
  onTopic: openTopic,
  onPeer: openPeer,
  onLayout: (layout) => {
    tables.draw(layout);
    const isEmpty = layout.rows.length === 0 && layout.columns.length === 0;
    byId('empty').hidden = !isEmpty;
    byId('empty').textContent =
      way === 'connecting' ? '' : model.topics.size > 0 ? 'Nothing has that name.' : 'No nsqd has registered yet.';
  },
});
const details = new Details({
  ...{ api, judge, timeline, writes, openTopic, openPeer, openSubject },
  findings: () => found,
});
let way: Way = 'connecting';
let wasAway = false;

const source = new Source({
  api,
  judge,
  onWay: (next) => {
    if (next === 'live' && wasAway) void ask();
    wasAway = next === 'away' || (wasAway && next === 'connecting');
    way = next;
    head.way(next);
  },
  onModel: (next, isNew) => {
    model = next;
    map.show(next);
    redraw();
    if (isNew) timeline.add({ atMs: Date.now(), note: 'The registry was read anew.' });
  },
  onPart: redraw,
  onChange: (change) => {
    head.changed();
    timeline.add({ atMs: Date.now(), change });
    map.flash(model.topics.get(change.topic ?? ''), model.peers.get(change.peer_key ?? ''));
    redraw();
  },
});

function redraw(): void {
  map.paint();
  if (isRedrawDue) return;
  isRedrawDue = true;
  setTimeout(() => {
    isRedrawDue = false;
    head.draw(model);
    details.draw(model);
    tables.draw(map.layout);
  }, REDRAW_MS);
}

/** Who serves, what one may do, and what is wrong. */
async function ask(): Promise<void> {
  const about = await api.read<About>('ui/about');
  if (about) {
    const before = judge.about;
    judge.about = about;
    head.about(about);
    if (before && before.epoch !== about.epoch) tellRestart();
    if (!before) timeline.draw();
    showRights(about);
  }
  found = about && (await api.read<FindingsJson>('findings'));
  judge.silent = new Set(found?.findings.filter(({ kind }) => kind === 'silent').map(({ subject }) => subject));
  head.findings(found && countFindings(found));
  if (!byId('findings').contains(document.activeElement) || byId('findings').hidden) showFindings(found, openSubject);
  redraw();
}

function tellRestart(): void {
  const text = 'The lookupd has been restarted; what it knows is shown as nsqds come back.';
  timeline.add({ atMs: Date.now(), note: text });
  byId('notice').textContent = text;
  byId('notice').hidden = false;
  setTimeout(() => (byId('notice').hidden = true), 30_000);
}

function showRights({ may, asks_token: asksToken }: About): void {
  byId('create').hidden = !may.includes('topic/create');
  const signIn = document.getElementById('sign-in');
  if (!asksToken) signIn?.remove();
  else if (!signIn)
    byId('server').append(h('button', { id: 'sign-in', click: () => writes.askToken() }, 'Use a token…'));
}

fill(byId('legend'), ...STATES.map((state) => h('li', {}, mark(state))));
byId('create').addEventListener('click', () => writes.createTopic());
byId('zoom-in').addEventListener('click', () => map.zoom(1.6));
byId('zoom-out').addEventListener('click', () => map.zoom(1 / 1.6));
byId('fit').addEventListener('click', () => map.fit());
byId('search').addEventListener('input', (event) => map.search((event.target as HTMLInputElement).value));
byId('as-table').addEventListener('click', () => {
  const isTable = byId('table').hidden;
  byId('table').hidden = !isTable;
  byId('stage').hidden = isTable;
  byId('as-table').setAttribute('aria-pressed', String(isTable));
  say(isTable ? 'Shown as tables.' : 'Shown as a map.');
  tables.draw(map.layout);
});
listenToTabs(() => details.draw(model));
details.draw(model);
setInterval(() => {
  head.drawRate();
  redraw(); // for what time changes
}, 1000);
setInterval(() => void details.ask(model), HEARD_MS);
setInterval(() => void ask(), ASK_MS);
head.drawRate();
void ask();
void source.run();
