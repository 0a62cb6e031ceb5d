import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PeerJson } from 'nsqlookupd/feed';
import { createHttpHandler, toNodeHandler } from 'nsqlookupd/http';
import { pageRoutes } from 'nsqlookupd/page';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';

export function peer(name: string, fields: Partial<PeerJson> = {}): PeerJson {
  return {
    remote_address: `${name}:50000`,
    hostname: name,
    broadcast_address: name,
    tcp_port: 4150,
    http_port: 4151,
    version: '1.3.0',
    topology_zone: '',
    topology_region: '',
    last_update_ms: Date.now(),
    ...fields,
  };
}

type Registrations = Readonly<Record<string, readonly (string | { readonly key: string; readonly at: number })[]>>;

/** A snapshot in one part, as `/watch` tells it: topics with the keys of their producers. */
export function snapshot(peers: Readonly<Record<string, PeerJson>>, topics: Registrations, id: string): string {
  const toProducer = (of: string | { key: string; at: number }) =>
    typeof of === 'string' ? { peer_key: of } : { peer_key: of.key, tombstoned_at_ms: of.at };
  const clients = Object.keys(peers).map((key) => ({ peer_key: key }));
  const registrations = [
    { category: 'client', topic: '', channel: '', is_made: false, producers: clients },
    ...Object.entries(topics).map(([topic, keys]) => ({
      ...{ category: 'topic', topic, channel: '', is_made: false },
      producers: keys.map(toProducer),
    })),
  ];
  return event('snapshot', { part: 1, is_last: true, peers, registrations }, id);
}

export function event(name: string, data: unknown, id?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Serves the page, and with it whatever it is told to. */
export class FakeLookupd implements AsyncDisposable {
  /** Answers by path; else it is a lookupd where nothing is registered. */
  readonly answers: Record<string, Answer> = {
    findings: (_, response) => response.end('{"findings":[],"left_out":{},"unchecked":0}'),
  };
  /** The answers to `/watch` that are open. */
  readonly watching = new Set<ServerResponse>();
  watches = 0;
  /** What each who watches is told first. */
  first: (lastId: string) => string = () => snapshot({}, {}, 'a.1');
  #port = 0;
  readonly #server = createServer((request, response) => {
    const path = request.url!.split('?')[0]!.slice(1);
    const own = this.answers[path];
    if (own) own(request, response);
    else if (path === 'watch') this.#watch(request, response);
    else this.#listener(request, response);
  });
  readonly #listener: ReturnType<typeof toNodeHandler>;

  private constructor() {
    const topology = new Topology({ db: new RegistrationDB() });
    this.#listener = toNodeHandler(createHttpHandler({ topology, routes: pageRoutes({ topology }) }));
  }

  static async start(set: (fake: FakeLookupd) => void = () => {}): Promise<FakeLookupd> {
    const fake = new FakeLookupd();
    set(fake);
    await fake.listen();
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/ui`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Until `listen`. */
  async leave(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  tell(text: string): void {
    for (const response of this.watching) response.write(text);
  }

  /** Answers a path with that. */
  answer(path: string, value: unknown, status = 200): void {
    this.answers[path] = (_, response) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  }

  #watch({ headers }: IncomingMessage, response: ServerResponse): void {
    this.watches++;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    this.watching.add(response.on('close', () => this.watching.delete(response)));
    response.write(this.first(String(headers['last-event-id'] ?? '')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.leave();
  }
}
