import { createUnionHandler, type UnionHandler, type UnionHandlerOptions } from 'nsqlookupd/client';
import { createFeed, createWatchRoutes, type WatchRoutes } from 'nsqlookupd/feed';
import { createHttpHandler, decorate, toFetchHandler, type HttpHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology, type PeerInfo } from 'nsqlookupd/registry';
import type { ManualClock } from 'nsqlookupd/testing';

const DEADLINE_MS = 10_000;
/** To ask again and again costs more than what is waited for. */
const LONGEST_PAUSE_MS = 50;

/** Looks again and again until it is so, for ten seconds at the most. */
export async function until(isSo: () => unknown, what = String(isSo)): Promise<void> {
  const endsAtMs = Date.now() + DEADLINE_MS;
  for (let pauseMs = 2; !(await isSo()); pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (Date.now() > endsAtMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const STEP_MS = 500;

/** Lets time pass by that clock until it is so, half a second at a time. */
export async function untilBy(clock: ManualClock, isSo: () => unknown, what = String(isSo)): Promise<void> {
  for (let step = 0; !(await isSo()); step++) {
    if (step > 200) throw new Error(`never: ${what}`);
    await clock.advanceAsync(STEP_MS);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A lookupd without sockets: one of ours, or one as the original, that has no /watch. */
export class UnionMember {
  readonly isOriginal: boolean;
  topology!: Topology;
  isUp = true;
  /** What it was asked. */
  readonly asked: string[] = [];
  #handler!: HttpHandler;
  #watching: WatchRoutes | undefined;
  readonly #peers = new Map<string, PeerInfo>();
  readonly #clock: ManualClock | undefined;

  constructor(isOriginal: boolean, clock?: ManualClock) {
    this.isOriginal = isOriginal;
    this.#clock = clock;
    this.restart();
  }

  /** As a process that knows nothing. */
  restart(): void {
    this.#watching?.close();
    this.#peers.clear();
    this.topology = new Topology({ db: new RegistrationDB(), clock: this.#clock?.now });
    const feed = createFeed(this.topology, { timers: this.#clock });
    this.#watching = this.isOriginal ? undefined : createWatchRoutes(feed);
    const options = { topology: this.topology, routes: this.#watching?.rows ?? [] };
    this.#handler = decorate(createHttpHandler(options));
    this.isUp = true;
  }

  goDown(): void {
    this.isUp = false;
    this.#watching?.close();
  }

  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    this.asked.push(`${init.method ?? 'GET'} ${new URL(url).pathname}`);
    if (!this.isUp) throw new TypeError('fetch failed');
    return (await toFetchHandler(this.#handler)(new Request(url, init))) ?? new Response('404', { status: 404 });
  };

  /** An nsqd's connection to it, by the nsqd's name. */
  peer(name: string, fields: Partial<PeerInfo> = {}): PeerInfo {
    let peer = this.#peers.get(name);
    if (peer) return peer;
    const id = `10.0.0.1:${this.#peers.size + 1}`;
    const of = { id, remoteAddress: id, hostname: name, broadcastAddress: name, tcpPort: 4150, httpPort: 4151 };
    const more = { version: '1.3.0', topologyZone: '', topologyRegion: '', lastUpdateMs: this.topology.clock() };
    this.#peers.set(name, (peer = { ...of, ...more, ...fields }));
    this.topology.join(peer);
    return peer;
  }

  leave(name: string): void {
    const peer = this.#peers.get(name);
    if (peer) this.topology.leave(peer);
    this.#peers.delete(name);
  }
}

/** A union of so many of ours and of the original, in memory: `a:1`, `b:1`, … */
export class UnionWorld implements Disposable {
  readonly members: readonly UnionMember[];
  readonly union: UnionHandler;

  /** With a clock, all goes by that. */
  constructor(ours: number, originals: number, options: Partial<UnionHandlerOptions> = {}, clock?: ManualClock) {
    this.members = Array.from({ length: ours + originals }, (_, i) => new UnionMember(i >= ours, clock));
    this.union = createUnionHandler({
      lookupds: this.members.map((_, i) => this.nameOf(i)),
      fetch: (url, init) => this.members['abcdef'.indexOf(new URL(url).hostname)]!.fetch(url, init),
      pollMs: 5,
      random: () => 1,
      ...(clock && { clock: clock.now, timers: clock, pollMs: 1000 }),
      ...options,
    });
  }

  nameOf(i: number): string {
    return `${'abcdef'[i]}:1`;
  }

  async ask(path: string, query = '', method = 'GET') {
    const answer = (await this.union({ method, path, query, headers: {} }))!;
    let text = '';
    if (typeof answer.body === 'string') text = answer.body;
    else if (answer.body instanceof Uint8Array) text = new TextDecoder().decode(answer.body);
    else
      for await (const chunk of answer.body) text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    return { status: answer.status, headers: answer.headers, text };
  }

  async json<T = Record<string, unknown>>(path: string, query = ''): Promise<T> {
    return JSON.parse((await this.ask(path, query)).text) as T;
  }

  /** Who carries a topic, as it is looked up. */
  async producers(topic: string): Promise<string> {
    const { producers = [] } = await this.json<{ producers?: { broadcast_address: string }[] }>(
      '/lookup',
      `topic=${topic}`,
    );
    return producers
      .map(({ broadcast_address: host }) => host)
      .sort()
      .join(' ');
  }

  [Symbol.dispose](): void {
    this.union.close();
    for (const member of this.members) member.goDown();
  }
}
