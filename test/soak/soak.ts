/**
 * Hundreds of peers that come, register, ping, get reset, leave and return at random, with lookups all the while,
 * against a naive model. `npm run soak -- SECONDS`, a minute if left out.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { Agent, request } from 'node:http';
import { promisify } from 'node:util';
import { createLookupd } from 'nsqlookupd/daemon';
import { DEFAULT_FEED_CAPACITY } from 'nsqlookupd/feed';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { peerOf } from '../support/peers.js';
import { PeerSlot } from './peer-slot.js';

const SECONDS = Number(process.argv[2] ?? 60);
const PEERS = 300;
const ASKERS = 8;
const FLOOD_MIB = 400;
const TOPICS = Array.from({ length: 120 }, (_, i) => `topic-${i}`);
const CHANNELS = ['', 'billing', 'audit', '__proto__'];
const MAX_HEAP_GROWTH_MIB = 8;
const MIB = 1024 * 1024;

if (!(SECONDS > 0)) {
  console.error('usage: npm run soak -- SECONDS');
  process.exit(2);
}
const { gc } = globalThis;
assert.ok(gc, 'run it with --expose-gc, as npm run soak does');

const errors: unknown[] = [];
const lookupd = createLookupd({
  tcpAddress: '127.0.0.1:0',
  httpAddress: '127.0.0.1:0',
  identifyTimeoutMs: 600_000, // the flood never does, and may take long on a machine that is busy
  onError: (error) => errors.push(error),
});
await lookupd.listen();
const [tcpPort, httpPort] = [lookupd.tcpAddress, lookupd.httpAddress].map((address) => Number(address!.split(':')[1]));
const agent = new Agent({ keepAlive: true, maxSockets: ASKERS });
const slots = Array.from({ length: PEERS }, (_, i) => new PeerSlot(`host-${i}`, tcpPort!));
const everCarried = new Map<string, Set<string>>();
const did = { arrivals: 0, registrations: 0, unregistrations: 0, pings: 0, departures: 0, lookups: 0 };

const chance = (share: number) => Math.random() < share;
const pick = <T>(all: readonly T[]) => all[Math.floor(Math.random() * all.length)]!;
const heapMiB = () => (gc(), gc(), process.memoryUsage().heapUsed / MIB);

function get(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: '127.0.0.1', port: httpPort, path }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text)).on('error', reject);
    });
    call.on('error', reject).end();
  });
}

async function live(slot: PeerSlot, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await slot.arrive(1 + Math.floor(Math.random() * 4));
    did.arrivals++;
    for (let steps = Math.floor(Math.random() * 30); steps > 0 && !isOver(); steps--) {
      if (chance(0.5)) {
        const [topic, channel] = [pick(TOPICS), pick(CHANNELS)];
        await slot.register(topic, channel);
        did.registrations++;
        const channels = everCarried.get(topic) ?? new Set();
        everCarried.set(topic, channel === '' ? channels : channels.add(channel));
      } else if (chance(0.3) && slot.carries.size > 0) {
        await slot.unregister(pick([...slot.carries.keys()]));
        did.unregistrations++;
      } else {
        await slot.ping();
        did.pings++;
      }
    }
    if (isOver()) return; // and stays, for the last look
    slot.leave(pick(['end', 'reset', 'nonsense', 'cut'] as const));
    did.departures++;
  }
}

/** A lookup, held against what is known of every peer that did not change meanwhile. */
async function look(): Promise<void> {
  const topic = pick(TOPICS);
  const before = slots.map(({ version, isConnected }) => (isConnected ? version : -1));
  const answer = JSON.parse(await get(`/lookup?topic=${topic}`)) as {
    channels?: string[];
    producers?: { hostname: string }[];
  };
  const found = new Set(answer.producers?.map(({ hostname }) => hostname));
  slots.forEach((slot, i) => {
    if (slot.version !== before[i] || slot.version % 2 === 1) return;
    const carries = slot.carries.has(topic);
    assert.equal(found.has(slot.host), carries, `${slot.host} ${carries ? 'lost from' : 'still in'} ${topic}`);
  });
  did.lookups++;
}

function sorted(topology: Topology): unknown {
  return {
    topics: topology.topics().sort(),
    lookups: topology
      .topics()
      .map((topic) => {
        const { channels, producers } = topology.lookup(topic)!;
        return [topic, [...channels].sort(), producers.map(({ hostname }) => hostname).sort()];
      })
      .sort(),
    nodes: topology
      .nodes()
      .map(({ peer, topics }) => [peer.hostname, topics.map(({ topic }) => topic).sort()])
      .sort(),
    sizes: [topology.db.size, topology.db.indexSizes],
  };
}

/** The registry that all these peers lead to, built anew. */
function rebuild(): Topology {
  const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
  for (const [topic, channels] of everCarried) {
    topology.createTopic(topic);
    for (const channel of channels) topology.createChannel(topic, channel);
  }
  for (const { host, carries } of slots) {
    const peer = peerOf(host, { lastUpdateMs: Date.now() });
    topology.join(peer);
    for (const [topic, channels] of carries) {
      topology.register(peer, topic);
      for (const channel of channels) topology.register(peer, topic, channel);
    }
  }
  return topology;
}

async function churn(seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  const isOver = () => Date.now() > end;
  const ask = async () => {
    while (!isOver()) await look();
  };
  const progress = setInterval(() => {
    const left = Math.max(0, Math.round((end - Date.now()) / 1000));
    console.log(`${left.toString().padStart(5)} s left: ${JSON.stringify(did)}`);
  }, 10_000);
  try {
    await Promise.all([...slots.map((slot) => live(slot, isOver)), ...Array.from({ length: ASKERS }, ask)]);
  } finally {
    clearInterval(progress);
  }
}

/** Waits for what the lookupd has yet to see: the ends of connections. */
async function settled(count: number): Promise<void> {
  while (lookupd.topology.nodes().length !== count) await new Promise((resolve) => setImmediate(resolve));
}

async function everybodyLeaves(): Promise<void> {
  for (const slot of slots) if (slot.isConnected) slot.leave('cut');
  await settled(0);
  for (const topic of lookupd.topology.topics()) lookupd.topology.deleteTopic(topic);
  everCarried.clear();
}

console.log(
  `${PEERS} peers and ${ASKERS} clients for ${SECONDS} s, and ${FLOOD_MIB} MiB of pipelined PINGs beside them`,
);
await churn(2); // so that what is compiled and cached once is there before the heap is measured
await everybodyLeaves();
await get('/topics?index='); // from now on the feed records
// It keeps the latest changes: it is full before the heap is looked at, so that what grows afterwards is seen.
for (let i = 0; i < DEFAULT_FEED_CAPACITY; i++) {
  lookupd.topology.createTopic('fills-the-feed');
  lookupd.topology.deleteTopic('fills-the-feed');
}
const heapBefore = heapMiB();

let highest = 0;
const sample = setInterval(() => {
  const { heapUsed, external } = process.memoryUsage();
  highest = Math.max(highest, (heapUsed + external) / MIB);
}, 50);
const floodFile = new URL('./flood.js', import.meta.url).pathname;
const flood = promisify(execFile)(process.execPath, [floodFile, String(tcpPort), String(FLOOD_MIB)]);
await churn(SECONDS);
const { stdout: answered } = await flood;
clearInterval(sample);
assert.equal(Number(answered), Math.ceil((FLOOD_MIB * MIB) / 65_535) * 13_107);

await settled(PEERS);
const model = rebuild();
assert.deepEqual(sorted(lookupd.topology), sorted(model));
await everybodyLeaves();
assert.deepEqual([lookupd.db.size, lookupd.db.indexSizes.peers], [1, 0]); // `client` stays
assert.deepEqual(errors, []);
const growth = heapMiB() - heapBefore;
agent.destroy();
await lookupd.close();

console.log(`did ${JSON.stringify(did)}`);
console.log(`answered ${answered} pipelined PINGs; heap and buffers at most ${highest.toFixed(1)} MiB meanwhile`);
console.log(
  `the answers and the index sizes are the model's; heap after collection ${growth.toFixed(2)} MiB from where it began`,
);
assert.ok(growth < MAX_HEAP_GROWTH_MIB, `the heap has grown by ${growth.toFixed(1)} MiB`);
console.log('lost: nothing');
