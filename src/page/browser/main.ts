import { Api } from './api.js';
import { listenToAddress, type Opened } from './address.js';
import { Details } from './details.js';
import { mark } from './details-parts.js';
import { byId, fill, h, say } from './dom.js';
import { readEarlier } from './earlier.js';
import { countFindings, showFindings, toFindings, type FindingsJson } from './findings-view.js';
import { Head } from './head.js';
import { TopologyMap } from './map.js';
import { Model, type Peer } from './model.js';
import { Notices } from './notices.js';
import { watchPresence } from './presence.js';
import { toShown } from './shown.js';
import { showRights, showSignIn } from './rights.js';
import { Source, type Way } from './source.js';
import { Judge, STATES, toAbout, type About } from './state.js';
import { Tables } from './tables.js';
import { listenToTabs, openTab } from './tabs.js';
import { Timeline } from './timeline.js';
import { describeChange } from './words.js';
import { Writes } from './writes.js';
import type { ChangeJson } from './watch-json.js';

const ASK_MS = 10_000;
/** For each so many registrations, findings are asked for once less often. */
const FINDINGS_A_LOOK = 100_000;
const HEARD_MS = 5000;
/** Details and tables are drawn anew at most so often, for changes. */
const REDRAW_MS = 60;

const api = new Api();
const judge = new Judge();
const notices = new Notices();
let model = new Model();
let found: FindingsJson | undefined;
let isRedrawDue = false;
let drawnMs = 0;
let areDetailsDue = false;

const writes = new Writes(api, () => {
  void ask();
  source.retry();
});
let isTokenAskedFor = false;
let toldVersion = '';
api.onUnauthorized = (hadToken) => {
  showSignIn(true, () => writes.askToken(false));
  if (isTokenAskedFor) return; // who has said no is not asked again
  isTokenAskedFor = true;
  writes.askToken(hadToken);
};

let opened: Partial<Opened> = {};
const openTopic = (topic: string) => open({ topic });
const openPeer = ({ name: nsqd }: Peer) => open({ nsqd });
/** What a finding is about: an nsqd, a topic, or a channel of one. */
const openSubject = (subject: string) => {
  const [topic = ''] = subject.split('/');
  const peer = model.peerNamed(subject);
  if (peer) openPeer(peer);
  else if (model.topics.has(topic)) openTopic(topic);
};
const openChange = ({ topic = '', peer_key: key = '', peer }: ChangeJson) => {
  const known = model.peers.get(key);
  if (topic !== '') openTopic(topic);
  else if (known) openPeer(known);
  else if (peer) open({ nsqd: `${peer.broadcast_address}:${peer.tcp_port}` });
};

const toEntry = (atMs: number, change: ChangeJson) => ({ atMs, text: describeChange(change, judge), change });
const timeline = new Timeline({
  readEarlier: async (before) => {
    const askOldest = async () => (await api.read<About>('ui/about'))?.oldest_index;
    const changes = await readEarlier({ api, askOldest, before, lastId: source.lastId });
    return changes?.map((change) => toEntry(0, change));
  },
  onOpen: openChange,
});
const head = new Head(() => {
  open({ tab: 'findings' });
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
    if (next === 'asleep')
      timeline.add({
        atMs: Date.now(),
        text: 'This tab was hidden behind others, and let go. What follows is told as it is seen again.',
      });
    if (next === 'live' && wasAway) void ask();
    wasAway = next === 'away' || (wasAway && next === 'connecting');
    way = next;
    head.way(next);
  },
  onModel: (next, isNew) => {
    model = next;
    map.show(next);
    redraw();
    if (isNew) timeline.add({ atMs: Date.now(), text: 'The registry was read anew.' });
  },
  onPart: () => {
    map.grow();
    redraw();
  },
  onChange: (change) => {
    head.changed();
    timeline.add(toEntry(Date.now(), change));
    map.changed(model.topics.get(change.topic ?? ''), model.peers.get(change.peer_key ?? ''));
    areDetailsDue ||= details.isAbout(change, model);
    redraw();
  },
});

function redraw(): void {
  if (isRedrawDue) return;
  isRedrawDue = true;
  const draw = () => {
    isRedrawDue = false;
    drawnMs = performance.now();
    head.draw(model);
    if (areDetailsDue) details.draw(model);
    areDetailsDue = false;
    tables.draw(map.layout);
  };
  setTimeout(draw, drawnMs + REDRAW_MS - performance.now());
}

/** For what time alone changes. */
function tick(): void {
  head.drawRate();
  map.tick();
  areDetailsDue = true;
  redraw();
}

/** Who serves, what one may do, and what is wrong. */
async function ask(): Promise<void> {
  const about = toAbout(await api.read('ui/about'));
  if (about) {
    const before = judge.about;
    judge.about = about;
    head.about(about);
    isTokenAskedFor = false;
    if (before && before.epoch !== about.epoch) tellRestart();
    tellUpgrade(about);
    showRights(about, () => writes.askToken(false));
  }
  if (about && areFindingsDue()) await askFindings();
  tick();
}

/** The server looks at all that is registered for them. */
function areFindingsDue(): boolean {
  const every = Math.ceil((model.size + 1) / FINDINGS_A_LOOK);
  return found === undefined || Math.round(judge.now() / ASK_MS) % every === 0;
}

async function askFindings(): Promise<void> {
  found = toFindings(await api.read('findings'));
  judge.silent = new Set(found?.findings.filter(({ kind }) => kind === 'silent').map(({ subject }) => subject));
  head.findings(found && countFindings(found));
  if (!byId('findings').contains(document.activeElement) || byId('findings').hidden) showFindings(found, openSubject);
}

/** All pages at the same time, by the server's clock: it looks once for all. */
function askLater(): void {
  setTimeout(() => void ask().finally(askLater), ASK_MS - (judge.now() % ASK_MS));
}

function tellRestart(): void {
  const text = 'The lookupd has been restarted; what it knows is shown as nsqds come back.';
  timeline.add({ atMs: Date.now(), text });
  notices.tell(text);
}

/** A browser may have kept the page from before, or have it open since. */
function tellUpgrade({ package_version: version }: About): void {
  if (version === VERSION || version === '?' || version === toldVersion) return;
  toldVersion = version;
  const text = `The lookupd is of version ${version}, and this page of ${VERSION}.`;
  notices.keep(text, { label: 'Load the page again', act: () => location.reload() });
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
listenToTabs((tab) => {
  const { topic = '', nsqd = '' } = tab === 'details' ? opened : {};
  open(topic !== '' ? { topic } : nsqd !== '' ? { nsqd } : { tab });
});
details.draw(model);
const open = listenToAddress((next) => {
  const { tab, topic, nsqd } = next;
  openTab(tab);
  if (topic !== '' || nsqd !== '') {
    opened = next;
    details.open(model, topic, nsqd);
    map.choose(topic, nsqd);
  }
  document.title = tab === 'details' && topic + nsqd !== '' ? `${toShown(topic || nsqd)} · nsqlookupd` : 'nsqlookupd';
  tick();
});
setInterval(tick, 1000);
setInterval(() => void details.ask(model), HEARD_MS);
head.drawRate();
void ask().finally(askLater);
void source.run();
watchPresence(
  () => source.sleep(),
  () => source.retry(),
);
