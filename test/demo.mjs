// What the page shows: a lookupd with forty nsqds in motion. `npm run demo`, or `node test/demo.mjs 4161` in a built clone.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLookupd } from 'nsqlookupd/daemon';
import { createFindings } from 'nsqlookupd/operate';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { FakeNsqd } from 'nsqlookupd/testing';

const port = process.argv[2] ?? '0';
const db = new RegistrationDB();
const findings = createFindings({ topology: new Topology({ db }) }); // without a look at the names, which are made up
const lookupd = createLookupd({
  db,
  routes: findings.routes,
  tcpAddress: '127.0.0.1:0',
  httpAddress: `127.0.0.1:${port}`,
  broadcastAddress: 'localhost',
  ui: true,
});
const { tcpAddress, httpAddress } = await lookupd.listen();

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

async function carry(nsqd, topic) {
  await nsqd.register(topic);
  for (const channel of channelsOf(topic)) await nsqd.register(topic, channel);
}

async function start(number) {
  const zone = ZONES[number % ZONES.length];
  const nsqd = await FakeNsqd.connect(tcpAddress, `nsqd-${zone}-${String(number).padStart(2, '0')}.example:4150`, {
    topologyZone: zone,
    topologyRegion: zone.slice(0, 2),
    version: number % 13 === 0 ? '1.2.1' : '1.3.0',
  });
  await nsqd.identify();
  for (const topic of TOPICS) {
    if (Math.random() > 0.42) continue;
    await carry(nsqd, topic);
  }
  if (number !== 7) nsqd.pingEvery(5000, timers); // one hangs
  nsqd.closed.catch(() => undefined);
  return nsqd;
}

const nsqds = [];
for (let number = 1; number <= 40; number++) nsqds.push(await start(number));
lookupd.topology.createTopic('orders.returned');
console.log(`Open http://${httpAddress}/ui in a browser; Ctrl-C ends it.`);

process.once('SIGINT', () => void lookupd.close().then(() => process.exit()));
for (;;) {
  await sleep(200 + Math.random() * 900);
  const number = Math.floor(Math.random() * nsqds.length);
  const nsqd = nsqds[number];
  const chance = Math.random();
  if (chance < 0.06) {
    nsqd.drop();
    await sleep(1500);
    nsqds[number] = await start(number + 1);
  } else if (chance < 0.1) {
    const { broadcastAddress, httpPort } = nsqd.identity;
    lookupd.topology.tombstone(pick(TOPICS), `${broadcastAddress}:${httpPort}`);
  } else if (chance < 0.4) await nsqd.unregister(pick(TOPICS)).catch(() => undefined);
  else await carry(nsqd, pick(TOPICS)).catch(() => undefined);
}
