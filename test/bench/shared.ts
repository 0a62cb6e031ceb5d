// What a registry that is shared over Redis costs, and zones and the union beside plain: npm run bench:shared.
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate, setTimeout as pause } from 'node:timers/promises';
import { createLookupd } from 'nsqlookupd/daemon';
import { createPeer } from 'nsqlookupd/testing';
import { COMMAND } from '../support/command-lookupd.js';
import { freePort } from '../support/free-port.js';
import { startRedis } from '../support/redis-server.js';
import { assertWrk, cpuMs, runSlice } from './wrk.js';

const CHANGES = 60_000;
const PEERS = 200;
const TOPICS = 200;
const PRODUCERS = 20;
const SAMPLES = 200;
const SLICES = 5;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const p99 = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)]!;

interface Served {
  readonly child: ChildProcess;
  readonly port: number;
}

/** In a process of its own: a lookupd that makes changes when it is told to, or tells when it has so many registrations. */
async function serve(kind: string, sharedRedis: string | undefined): Promise<void> {
  const lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    inactiveProducerTimeoutMs: 3_600_000,
    maxRegistrationsPerPeer: Infinity,
    ...(sharedRedis !== undefined && { sharedRedis }),
    ...(kind === 'zones' && { zonePolicy: 'prefer', zones: { '127.0.0.0/8': 'a' } }),
  });
  const { topology } = lookupd;
  let count = 0;
  topology.db.onChange(({ type, ...of }) => {
    if (type === 'registrationAdded' && 'registration' in of && of.registration.category === 'topic') count++;
  });
  const { httpAddress } = await lookupd.listen();
  const peers = (zone: string) =>
    Array.from({ length: PEERS }, (_, i) => {
      const peer = createPeer(`${zone}${i}:4150`, { lastUpdateMs: topology.clock(), topologyZone: zone });
      topology.join(peer);
      return peer;
    });
  const orders: Readonly<Record<string, () => Promise<void>>> = {
    fill: async () => {
      const all = peers('a');
      for (let i = 0; i < TOPICS * PRODUCERS; i++) topology.register(all[i % PEERS]!, `topic${i % TOPICS}`, 'channel');
      await setImmediate();
    },
    change: async () => {
      const all = peers('changing');
      for (let i = 0; i < CHANGES; i++) {
        topology.register(all[i % PEERS]!, `changing${i}`);
        if (i % 100 === 0) await setImmediate();
      }
    },
  };
  process.on('message', (message: { order?: string; topics?: number }) => {
    const { order, topics = 0 } = message;
    const until = async () => {
      while (count < topics) await pause(5);
    };
    void (order === undefined ? until() : orders[order]!()).then(() => process.send!('done'));
  });
  process.send!(Number(httpAddress.split(':')[1]));
}

async function start(kind: string, url?: string): Promise<Served> {
  const child = fork(process.argv[1]!, url === undefined ? [kind] : [kind, url]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function startUnion(lookupds: readonly Served[]): Promise<Served> {
  const port = await freePort();
  const at = lookupds.map((lookupd) => `-lookupd-http-address=127.0.0.1:${lookupd.port}`);
  const flags = [`-http-address=127.0.0.1:${port}`, '-log-level=fatal', ...at];
  const child = spawn(process.execPath, [COMMAND, ...flags], { stdio: 'ignore' });
  const isUp = () =>
    fetch(`http://127.0.0.1:${port}/lookup?topic=topic1`).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await isUp())) await pause(20);
  return { child, port };
}

async function tell({ child }: Served, message: object): Promise<void> {
  child.send(message);
  await once(child, 'message');
}

/** Registrations that one makes as fast as it can, until the other has them all; and the CPU of each process for one. */
async function throughput(one: Served, two: Served, redisPid: number): Promise<string> {
  const pids = [one.child.pid!, two.child.pid!, redisPid];
  const before = pids.map(cpuMs);
  const startMs = performance.now();
  const told = tell(one, { order: 'change' });
  await tell(two, { topics: CHANGES + TOPICS + SAMPLES });
  const perSecond = (CHANGES / (performance.now() - startMs)) * 1000;
  await told;
  const micros = pids.map((pid, i) => (((cpuMs(pid) - before[i]!) / CHANGES) * 1000).toFixed(1));
  return `${Math.round(perSecond).toLocaleString('en')}; CPU of each, µs: writer ${micros[0]}, reader ${micros[1]}, Redis ${micros[2]}`;
}

/** From a write at one until `/lookup` of the other has it. */
async function latency(one: Served, two: Served): Promise<readonly number[]> {
  const times: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const topic = `latency${i}`;
    const startMs = performance.now();
    await (await fetch(`http://127.0.0.1:${one.port}/topic/create?topic=${topic}`, { method: 'POST' })).text();
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${two.port}/lookup?topic=${topic}`);
      await response.text();
      if (response.status === 200) break;
    }
    times.push(performance.now() - startMs);
  }
  return times;
}

async function measure(): Promise<void> {
  assertWrk();
  await using redis = await startRedis();
  const served: Served[] = [];
  try {
    const run = async (kind: string, url?: string) => {
      const each = await start(kind, url);
      served.push(each);
      return each;
    };
    const [one, two] = [await run('shared', redis.url), await run('shared', redis.url)];
    const times = await latency(one, two);
    console.log(
      `from a change to the answer of another: median ${median(times).toFixed(1)} ms, p99 ${p99(times).toFixed(1)} ms`,
    );
    await tell(one, { order: 'fill' });
    await tell(two, { topics: TOPICS + SAMPLES });
    const [plain, zones] = [await run('plain'), await run('zones')];
    for (const each of [plain, zones]) await tell(each, { order: 'fill' });
    const union = await startUnion([plain, zones]);
    served.push(union);
    const kinds = { plain, shared: two, zones, union };
    const cost = new Map<string, number[]>();
    const targets = Array.from({ length: TOPICS }, (_, i) => `/lookup?topic=topic${i}`);
    for (let slice = 0; slice <= SLICES; slice++) {
      for (const [kind, { port, child }] of Object.entries(kinds)) {
        const { cpuMicrosPerRequest } = await runSlice({ port, pid: child.pid!, connections: 50, targets });
        if (slice > 0) cost.set(kind, [...(cost.get(kind) ?? []), cpuMicrosPerRequest]); // the first is to warm up
      }
    }
    const base = median(cost.get('plain')!);
    console.log('\n| /lookup | CPU, µs | of plain |\n| --- | --- | --- |');
    for (const [kind, micros] of cost)
      console.log(`| ${kind} | ${median(micros).toFixed(1)} | ${(median(micros) / base).toFixed(2)} |`);
    console.log(`\nchanges a second: ${await throughput(one, two, redis.pid())}`);
  } finally {
    for (const { child } of served) child.kill();
  }
}

if (process.send) await serve(process.argv[2]!, process.argv[3]);
else await measure();
