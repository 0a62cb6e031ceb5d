// Who watches, and what a change costs: npm run bench:watch, or npm run bench:watch -- 2000 for so many watchers.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { createLookupd } from 'nsqlookupd/daemon';
import { createPeer } from 'nsqlookupd/testing';

const WATCHERS = Number(process.argv[2] ?? 10_000);
const CHANGES = 20;
const EVENT = `event: lookup\nid: 00000000.1\ndata: ${JSON.stringify({ topic: 'orders', channels: [], producers: [] })}\n\n`;

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const cpuMs = ({ user, system }: NodeJS.CpuUsage) => (user + system) / 1000;

interface Served {
  readonly port: number;
  /** Brings one change of `topic`. */
  readonly change: (topic: string) => void;
}

/** In a process of its own: a lookupd, or a bare server that writes the same to as many sockets. */
async function serve(kind: string): Promise<Served> {
  if (kind === 'bare') {
    const open = new Set<{ write(text: string): void }>();
    const server = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(EVENT);
      open.add(response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const change = () => {
      for (const response of open) response.write(EVENT);
    };
    return { port: (server.address() as { port: number }).port, change };
  }
  const lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    httpMaxConnections: 20_000,
    maxWatchers: 20_000,
    maxRegistrations: Infinity,
    maxRegistryBytes: Infinity,
    maxRegistrationsPerPeer: Infinity,
  });
  const { topology } = lookupd;
  if (kind === 'large') {
    for (let host = 0; host < 100; host++) {
      const peer = createPeer(`h${host}:4150`, { lastUpdateMs: topology.clock() });
      topology.join(peer);
      for (let i = 0; i < 5000; i++) topology.register(peer, `topic-${host}-${i}`);
    }
  }
  const { httpAddress } = await lookupd.listen();
  let count = 0;
  return {
    port: Number(httpAddress.split(':')[1]),
    change: (topic) => void topology.createChannel(topic, `channel-${++count}`),
  };
}

if (process.send) {
  const { port, change } = await serve(process.argv[2]!);
  process.on('message', (topic: string) => {
    const before = process.cpuUsage();
    if (topic !== '') change(topic);
    // What it has cost is known when all are told.
    setTimeout(() => process.send!({ cpuMs: cpuMs(process.cpuUsage(before)) }), topic === '' ? 0 : 800);
  });
  process.send({ port });
} else {
  await measure();
}

function watch(port: number, onEvent: () => void): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /watch?topic=orders HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n'),
    );
    let isOpen = false;
    socket.on('error', reject).on('data', (bytes: Buffer) => {
      if (!bytes.includes('event:')) return;
      if (isOpen) onEvent();
      isOpen = true;
      resolve(socket);
    });
  });
}

function rssKiB({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

async function start(kind: string): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(process.argv[1]!, [kind]);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port };
}

async function tell(child: ChildProcess, topic: string): Promise<number> {
  child.send(topic);
  const [{ cpuMs: ms }] = (await once(child, 'message')) as [{ cpuMs: number }];
  return ms;
}

async function row(kind: string): Promise<void> {
  const { child, port } = await start(kind);
  let heard = 0;
  let lastMs = 0;
  const onEvent = () => {
    heard++;
    lastMs = performance.now();
  };
  await watch(port, onEvent);
  await pause(500);
  const before = rssKiB(child);
  const sockets: Socket[] = [];
  for (let i = 0; i < WATCHERS - 1; i += 100) {
    const some = Array.from({ length: Math.min(100, WATCHERS - 1 - i) }, () => watch(port, onEvent));
    sockets.push(...(await Promise.all(some)));
  }
  await pause(1500);
  const kib = (rssKiB(child) - before) / sockets.length;
  const times: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    heard = 0;
    const startMs = performance.now();
    cpu.push(await tell(child, 'orders'));
    while (heard < WATCHERS) await pause(10);
    times.push(lastMs - startMs);
  }
  const other = kind === 'bare' ? 0 : await tell(child, 'another');
  const figures = [kib.toFixed(1), median(times).toFixed(0), median(cpu).toFixed(1), other.toFixed(2)];
  console.log(`| ${kind} | ${WATCHERS} | ${figures.join(' | ')} |`);
  for (const socket of sockets) socket.destroy();
  child.kill();
}

async function latency(): Promise<void> {
  const { child, port } = await start('large');
  let resolve = () => {};
  await watch(port, () => resolve());
  const times: number[] = [];
  for (let i = 0; i < 50; i++) {
    const startMs = performance.now();
    const told = new Promise<void>((done) => (resolve = done));
    child.send('orders');
    await told;
    times.push(performance.now() - startMs);
    await once(child, 'message');
  }
  console.log(
    `\nA change to its event at one watcher, beside 1,000,000 registrations and producers: ${median(times).toFixed(2)} ms (median)`,
  );
  child.kill();
}

async function measure(): Promise<void> {
  console.log(
    '| server | watchers | KiB each | change to the last, ms | CPU a change, ms | CPU of a change of another topic, ms |',
  );
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const kind of ['bare', 'lookupd']) await row(kind);
  await latency();
  process.exit();
}
