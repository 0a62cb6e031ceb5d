// What the page shows: a lookupd with forty nsqds in motion. `npm run demo`, or `node test/demo.mjs 4161` in a built clone.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLookupd } from 'nsqlookupd/daemon';
import { createFindings } from 'nsqlookupd/operate';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createSharedMemory } from 'nsqlookupd/store';
import { createPeer, FakeNsqd } from 'nsqlookupd/testing';

const ZONES = ['eu-1', 'eu-2', 'us-1', 'us-2'];
const TOPICS = Object.entries({
  billing: ['invoices', 'payments', 'refunds', 'reminders'],
  mail: ['bounces', 'digest', 'outgoing'],
  media: ['resize', 'thumbnails', 'transcode', 'uploads'],
  orders: ['cancelled', 'created', 'packed', 'shipped'],
  search: ['index', 'queries', 'suggest'],
  users: ['deleted', 'logins', 'profile', 'signups'],
}).flatMap(([prefix, names]) => names.map((name) => `${prefix}.${name}`));
const CHANNELS = ['archive', 'metrics', 'workers', 'alerts'];
/** Of a topic, the same wherever it is. */
const channelsOf = (topic) => CHANNELS.filter((_, i) => (topic.length + i) % 3 !== 0);
const pick = (list) => list[Math.floor(Math.random() * list.length)];
const timers = { setTimeout, clearTimeout: (timer) => timer.close() };
const nameOf = (number) => `nsqd-${zoneOf(number)}-${String(number).padStart(2, '0')}.example:4150`;
const zoneOf = (number) => ZONES[number % ZONES.length];
const MOST = 40;
/** Of the topics, that each has. */
const SHARE = 0.42;
/** They were there before the lookupd was restarted, and take their time. */
const LATE = [13, 30];
const LATE_MS = 45_000;

// What a lookupd knows of those when it starts.
const before = new Topology({ db: new RegistrationDB({ origin: 'before' }) });
for (const number of LATE) {
  const peer = createPeer(nameOf(number), {
    topologyZone: zoneOf(number),
    version: '1.3.0',
    lastUpdateMs: before.clock(),
  });
  before.join(peer);
  for (const topic of TOPICS.filter(() => Math.random() < SHARE)) {
    before.register(peer, topic);
    for (const channel of channelsOf(topic)) before.register(peer, topic, channel);
  }
}

// Two lookupds that share a registry; the page is the first one's.
const memory = createSharedMemory(Date.now);
async function listen(db, httpAddress, options = {}) {
  const lookupd = createLookupd({
    db,
    tcpAddress: '127.0.0.1:0',
    httpAddress,
    broadcastAddress: 'localhost',
    inactiveProducerTimeoutMs: 15_000,
    sharedRegistry: memory.registry(),
    ...options,
  });
  return { lookupd, tcpAddress: '', ...(await lookupd.listen()) };
}
const db = new RegistrationDB();
db.restore(before.db.snapshot());
const findings = createFindings({ topology: new Topology({ db }) }); // without a look at the names, which are made up
const one = await listen(db, `127.0.0.1:${process.argv[2] ?? '0'}`, { ui: true, routes: findings.routes });
const other = await listen(new RegistrationDB(), '127.0.0.1:0');
const { topology } = one.lookupd;

async function carry(nsqd, topic) {
  await nsqd.register(topic);
  for (const channel of channelsOf(topic)) await nsqd.register(topic, channel);
}

async function start(number) {
  const { tcpAddress } = number % 10 === 0 ? other : one;
  const nsqd = await FakeNsqd.connect(tcpAddress, nameOf(number), {
    topologyZone: zoneOf(number),
    topologyRegion: zoneOf(number).slice(0, 2),
    version: number % 13 === 0 ? '1.2.1' : '1.3.0',
  });
  nsqd.closed.catch(() => undefined);
  await nsqd.identify();
  for (const topic of TOPICS.filter(() => Math.random() < SHARE)) await carry(nsqd, topic);
  if (number !== 7) nsqd.pingEvery(5000, timers); // one hangs
  return nsqd;
}

const tombstone = ({ identity: { broadcastAddress, httpPort } }) =>
  topology.tombstone(pick(TOPICS), `${broadcastAddress}:${httpPort}`);

const nsqds = [];
for (let number = 1; number <= MOST; number++)
  if (!LATE.includes(number)) nsqds.push({ number, nsqd: await start(number) });
topology.createTopic('orders.returned');
for (let i = 0; i < 12; i++) tombstone(pick(nsqds).nsqd);
console.log(`Open http://${one.httpAddress}/ui in a browser; Ctrl-C ends it.`);

process.once(
  'SIGINT',
  () => void Promise.all([one, other].map(({ lookupd }) => lookupd.close())).then(() => process.exit()),
);
const startMs = performance.now();
for (;;) {
  await sleep(100 + Math.random() * 600);
  if (LATE.length > 0 && performance.now() - startMs > LATE_MS) {
    const number = LATE.pop();
    nsqds.push({ number, nsqd: await start(number) });
  }
  const some = pick(nsqds);
  const chance = Math.random();
  if (chance < 0.05) {
    some.nsqd.drop();
    await sleep(1500);
    some.nsqd = await start(some.number);
  } else if (chance < 0.12) tombstone(some.nsqd);
  else if (chance < 0.45) await some.nsqd.unregister(pick(TOPICS)).catch(() => undefined);
  else await carry(some.nsqd, pick(TOPICS)).catch(() => undefined);
}
