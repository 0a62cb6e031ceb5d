// The page at 1,000,000 registrations in a real browser, and what open pages cost: npm run bench:page, or -- page, or -- daemon,
// and then how the name of a registry begins, for less of it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { createLookupd } from 'nsqlookupd/daemon';
import { createPeer } from 'nsqlookupd/testing';
import { launch } from '../browser/browser.js';

const PAGES = 20;
const CHANGES_A_SECOND = 100;
const CHANGES = 7;

/** What is registered: each nsqd has the topics that `carries` tells. */
interface World {
  readonly nsqds: number;
  readonly topics: number;
  readonly carries: (nsqd: number, topic: number) => boolean;
}
const WORLDS: Readonly<Record<string, World>> = {
  '40 topics at 40 nsqds': { nsqds: 40, topics: 40, carries: () => true },
  '5,000 topics, 200 nsqds each': { nsqds: 300, topics: 5000, carries: (nsqd, topic) => (nsqd + topic) % 3 > 0 },
  '500,000 topics, 2 nsqds each': {
    nsqds: 100,
    topics: 500_000,
    carries: (nsqd, topic) => nsqd === topic % 100 || nsqd === (topic + 1) % 100,
  },
};

/** What the server is told to do; it answers when. */
type Order = 'cpu' | 'load' | 'rest' | 'tombstone' | 'channel' | 'topic';

async function serve({ nsqds, topics, carries }: World): Promise<void> {
  const lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    ui: true,
    inactiveProducerTimeoutMs: 3_600_000,
    tombstoneLifetimeMs: 3_600_000,
    maxRegistrations: Infinity,
    maxRegistryBytes: Infinity,
    maxRegistrationsPerPeer: Infinity,
  });
  const { topology } = lookupd;
  const nameOf = (topic: number) => `team${String(topic % 40).padStart(2, '0')}.topic-${topic}`;
  const peers = Array.from({ length: nsqds }, (_, i) => {
    const names = { topologyZone: `zone-${i % 4}`, topologyRegion: 'eu', lastUpdateMs: topology.clock() };
    const peer = createPeer(`nsqd-${String(i).padStart(3, '0')}:4150`, names);
    topology.join(peer);
    for (let topic = 0; topic < topics; topic++) if (carries(i, topic)) topology.register(peer, nameOf(topic));
    return peer;
  });
  const { httpAddress } = await lookupd.listen();
  let last = process.cpuUsage();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const change = () => {
    const topic = `load.${++count % 50}`;
    if (count % 100 < 50) topology.register(peers[0]!, topic);
    else topology.unregister(peers[0]!, topic);
  };
  process.on('message', (order: Order) => {
    if (order === 'load') timer = setInterval(change, 1000 / CHANGES_A_SECOND);
    if (order === 'rest') clearInterval(timer);
    const atMs = performance.timeOrigin + performance.now();
    if (order === 'channel') topology.createChannel(nameOf(0), `channel-${++count}`);
    if (order === 'topic') topology.createTopic(`a.${++count}`);
    if (order === 'tombstone') {
      const { broadcastAddress, httpPort } = peers[Array.from(peers.keys()).find((i) => carries(i, 0))!]!;
      const node = `${broadcastAddress}:${httpPort}`;
      if (++count % 2 === 0) topology.untombstone(nameOf(0), node);
      else topology.tombstone(nameOf(0), node);
    }
    const { user, system } = process.cpuUsage(last);
    last = process.cpuUsage();
    process.send!({ atMs, cpuMs: (user + system) / 1000 });
  });
  process.once('disconnect', () => process.exit());
  process.send!({ httpAddress, topic: nameOf(0) });
}

interface Server {
  readonly child: ChildProcess;
  readonly httpAddress: string;
  readonly topic: string;
  readonly tell: (order: Order) => Promise<{ readonly atMs: number; readonly cpuMs: number }>;
}

async function start(world: string): Promise<Server> {
  const child = fork(process.argv[1]!, [world]);
  const [told] = (await once(child, 'message')) as [{ httpAddress: string; topic: string }];
  const tell = async (order: Order) => {
    child.send(order);
    return ((await once(child, 'message')) as [{ atMs: number; cpuMs: number }])[0];
  };
  return { child, ...told, tell };
}

/** In the page, before its own script: keeps when what was drawn, and for how long the page was busy. */
const WATCHER = `
  window.bench = { tasks: [], firstMs: 0, seen: {} };
  new PerformanceObserver((list) => bench.tasks.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask', buffered: true });
  const wall = () => performance.timeOrigin + performance.now();
  const seen = (what) => requestAnimationFrame(() => setTimeout(() => (bench.seen[what] ??= wall())));
  const put = CanvasRenderingContext2D.prototype.putImageData;
  let last = new Uint32Array(0);
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...rest) {
    const pixels = new Uint32Array(image.data.buffer);
    if (!bench.firstMs && pixels.some((pixel) => pixel !== 0)) bench.firstMs = performance.now();
    if (bench.looks && (pixels.length !== last.length || pixels.some((pixel, i) => pixel !== last[i]))) {
      last = pixels.slice();
      seen('map');
    }
    return put.call(this, image, ...rest);
  };
  addEventListener('DOMContentLoaded', () => {
    for (const what of ['changes', 'details', 'table'])
      new MutationObserver(() => seen(what)).observe(document.getElementById(what), { childList: true, subtree: true, characterData: true });
  });
`;

/** What an expression gives in the page, as soon as it gives anything. */
async function until<T>(page: Page, expression: string, withinMs: number): Promise<T> {
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; await pause(15)) {
    const value = await page.evaluate<T | undefined>(expression);
    if (value) return value;
  }
  throw new Error(`never: ${expression}`);
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** From a change to when it is on screen, the slowest of some, in milliseconds. */
async function measureChange(page: Page, { tell }: Server, what: string, order: Order): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await pause(600 + 61 * i); // each in another part of the page's own second
    await page.evaluate('bench.looks = true; bench.seen = {}');
    const { atMs } = await tell(order);
    times.push((await until<number>(page, `bench.seen[${JSON.stringify(what)}]`, 5000)) - atMs);
  }
  return `${median(times).toFixed(0)} / ${Math.max(...times).toFixed(0)}`;
}

/** The longest task of the page's main thread, by the time that it had a CPU: the machine may have other things to do. */
function longestOf(trace: Buffer): number {
  interface Event {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: readonly Event[] };
  const mains = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const isMain = ({ pid, tid }: Event) => mains.some((main) => main.pid === pid && main.tid === tid);
  return Math.max(0, ...traceEvents.filter(isMain).map(({ tdur = 0 }) => tdur / 1000));
}

async function measurePage(browser: Browser, world: string): Promise<void> {
  const server = await start(world);
  const page = await browser.newPage();
  await page.addInitScript(WATCHER);
  await browser.startTracing(page, { categories: ['toplevel'] });
  await page.goto(`http://${server.httpAddress}/ui`);
  const count = WORLDS[world]!.topics.toLocaleString('en');
  const isWhole = `document.querySelector('#tiles').textContent.includes('topics${count}') && performance.now()`;
  const wholeMs = await until<number>(page, isWhole, 60_000);
  const firstByteMs = await page.evaluate<number>(`performance.getEntriesByType('navigation')[0].responseStart`);
  const firstMs = await page.evaluate<number>('bench.firstMs');
  await pause(2000);
  const onMap = await measureChange(page, server, 'map', 'tombstone');
  const newRow = await measureChange(page, server, 'map', 'topic');
  const inTimeline = await measureChange(page, server, 'changes', 'channel');
  await page.evaluate('bench.looks = false');
  await page.locator('#search').fill(server.topic);
  await page.getByRole('button', { name: 'Table' }).click();
  await page.locator('#table').getByRole('button', { name: server.topic, exact: true }).click();
  await page.locator('#details h2').waitFor();
  await pause(1000);
  const inList = await measureChange(page, server, 'table', 'channel');
  const inTopic = await measureChange(page, server, 'details', 'channel');
  const tasks = await page.evaluate<number[]>('bench.tasks');
  const heapMB = await page.evaluate<number>('performance.memory.usedJSHeapSize / 1e6');
  const longest = [Math.max(0, ...tasks), longestOf(await browser.stopTracing())]
    .map((ms) => ms.toFixed(0))
    .join(' / ');
  const load = [firstMs - firstByteMs, wholeMs - firstByteMs].map((ms) => ms.toFixed(0));
  const row = [world, ...load, longest, onMap, newRow, inTimeline, inList, inTopic, heapMB.toFixed(0)];
  console.log(`| ${row.join(' | ')} |`);
  await page.close();
  server.child.kill();
}

/** What an open page asks for. */
function openPage({ httpAddress }: Server): () => void {
  const requests = new Set<{ destroy(): void }>();
  const ask = (path: string) => {
    const request = get(`http://${httpAddress}/${path}`, (response) => response.resume());
    request.on('error', () => undefined).on('close', () => requests.delete(request));
    requests.add(request);
  };
  const askMore = () => {
    ask('ui/about');
    ask('findings');
  };
  ask('watch');
  askMore();
  const timer = setInterval(askMore, 10_000);
  return () => {
    clearInterval(timer);
    for (const request of requests) request.destroy();
  };
}

async function measureDaemon(world: string): Promise<void> {
  const server = await start(world);
  const { tell } = server;
  await tell('load');
  const percentOf = async (seconds: number) => {
    await tell('cpu');
    await pause(seconds * 1000);
    return (await tell('cpu')).cpuMs / seconds / 10;
  };
  await pause(1000);
  const alone = await percentOf(10);
  const close = Array.from({ length: PAGES }, () => openPage(server));
  await pause(world.startsWith('40') ? 2000 : 20_000);
  const seen = await percentOf(20);
  console.log(`| ${world} | ${alone.toFixed(1)} % | ${seen.toFixed(1)} % | ${(seen - alone).toFixed(1)} % |`);
  for (const each of close) each();
  server.child.kill();
}

async function measure(): Promise<void> {
  const [what = '', which = ''] = process.argv.slice(2);
  const worlds = Object.keys(WORLDS).filter((world) => world.startsWith(which));
  if (what !== 'daemon') {
    const browser = await launch();
    console.log(
      '| registry | first picture, ms | whole, ms | longest task, ms (by the clock / by the CPU) | on the map, ms (median / most) | a new row | timeline | list | an open topic | heap, MB |',
    );
    console.log(`|${' --- |'.repeat(10)}`);
    for (const world of worlds) await measurePage(browser, world);
    await browser.close();
  }
  if (what !== 'page') {
    console.log(`\n| daemon, ${CHANGES_A_SECOND} changes a second | alone | with ${PAGES} pages | the pages |`);
    console.log(`|${' --- |'.repeat(4)}`);
    for (const world of worlds.slice(0, 2)) await measureDaemon(world);
  }
  process.exit();
}

if (process.send) await serve(WORLDS[process.argv[2]!]!);
else await measure();
