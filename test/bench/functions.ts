/**
 * `npm run bench:functions`: the parts alone, without sockets, under tinybench, while 1,000 to 1,000,000
 * registrations stand. `npm run bench:functions -- FILE.svg` draws the table, too.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createHttpHandler } from 'nsqlookupd/http';
import { encodePeerMessage, PeerDecoder } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology, topicRegistration } from 'nsqlookupd/registry';
import { Session } from 'nsqlookupd/tcp';
import { Bench } from 'tinybench';
import { identityOf, peerOf } from '../support/peers.js';
import { toChart } from './chart.js';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const PRODUCERS_A_TOPIC = 10;
const ASKED_TOPICS = 100;
const announcement = { broadcastAddress: 'l', hostname: 'l', tcpPort: 1, httpPort: 1, version: '1.3.0' };

/** Every topic has 10 producers, of 100 nodes. */
function fill(registrations: number): Topology {
  const topology = new Topology({
    db: new RegistrationDB(),
    clock: Date.now,
    maxRegistrations: Infinity,
    maxRegistrationsPerPeer: Infinity,
  });
  const peers = Array.from({ length: 100 }, (_, i) => peerOf(`host-${i}`, { lastUpdateMs: Date.now() + 3_600_000 }));
  for (let i = 0; i < registrations; i++) {
    topology.register(peers[i % peers.length]!, `topic_${Math.floor(i / PRODUCERS_A_TOPIC)}`);
  }
  return topology;
}

function addTasks(bench: Bench, registrations: number): Bench {
  const topology = fill(registrations);
  const handler = createHttpHandler({ topology });
  const keepless = createHttpHandler({ topology, maxCacheBytes: 0 });
  const session = new Session({ topology, announce: () => announcement, remoteAddress: 'session' });
  session.receive(encodePeerMessage({ type: 'magic' }));
  session.receive(encodePeerMessage({ type: 'identify' }));
  session.receive(encodePeerMessage({ type: 'identity', identity: identityOf('session') }));
  const decoder = new PeerDecoder();
  decoder.push(encodePeerMessage({ type: 'magic' }));
  decoder.next();

  const ping = encodePeerMessage({ type: 'ping' });
  const register = encodePeerMessage({ type: 'register', topic: 'mine', channel: '' });
  const unregister = encodePeerMessage({ type: 'unregister', topic: 'mine', channel: '' });
  const peer = peerOf('alone');
  const leaver = peerOf('leaver');
  const mine = topicRegistration('mine');
  const step = Math.max(1, Math.floor(registrations / PRODUCERS_A_TOPIC / ASKED_TOPICS));
  let turn = 0;
  const query = () => `topic=topic_${(turn++ % ASKED_TOPICS) * step}`;

  return bench
    .add('lookup, answer kept', () => handler({ method: 'GET', path: '/lookup', query: query(), headers: {} }))
    .add('lookup, answer made', () => keepless({ method: 'GET', path: '/lookup', query: query(), headers: {} }))
    .add('session: PING', () => session.receive(ping))
    .add('session: REGISTER and UNREGISTER', () => {
      session.receive(register);
      session.receive(unregister);
    })
    .add('decoder: REGISTER', () => {
      decoder.push(register);
      decoder.next();
    })
    .add('registry: add and remove a producer', () => {
      topology.db.addProducer(mine, peer);
      topology.db.removeProducer(mine, peer);
    })
    .add('a peer registers 100 topics and leaves', () => {
      for (let i = 0; i < 100; i++) topology.register(leaver, `topic_${i}`);
      topology.leave(leaver);
    });
}

const file = process.argv[2];
const microseconds = new Map<string, number[]>();
console.log(`${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}; medians\n`);
for (const size of SIZES) {
  process.stderr.write(`${size.toLocaleString('en-US')} registrations …\n`);
  const bench = addTasks(new Bench({ time: 300, warmupTime: 100 }), size);
  await bench.run();
  for (const { name, result } of bench.tasks) {
    if (!('latency' in result)) throw new Error(`${name} failed`, { cause: result });
    microseconds.set(name, [...(microseconds.get(name) ?? []), result.latency.p50 * 1000]);
  }
}

const cells = (values: readonly string[]) => `| ${values.join(' | ')} |`;
console.log(cells(['µs a call while so many stand', ...SIZES.map((size) => size.toLocaleString('en-US'))]));
console.log(cells(['---', ...SIZES.map(() => '---:')]));
for (const [name, values] of microseconds) console.log(cells([name, ...values.map((value) => value.toFixed(2))]));
if (file !== undefined) {
  writeFileSync(file, toChart('µs a call, while so many registrations stand', SIZES, microseconds));
  console.log(`\ndrawn to ${file}`);
}
