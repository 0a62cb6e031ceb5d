/** The built command over HTTP, beside a bare server that sends the same bytes, and the original if there is one. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchRaw } from '../support/command-lookupd.js';
import { startQuietly } from './quiet-command.js';
import { change, fill } from './real.js';
import { topicName } from './worlds.js';
import { runSlice, type Slice } from './wrk.js';

export interface HttpRow {
  readonly name: string;
  readonly world: string;
  readonly targets: readonly string[];
  readonly connections: number;
  /** What changes 5,000 times a second meanwhile, in ours and in the original. */
  readonly changing?: 'others' | 'itself';
  /** The least rate, and the most CPU a request, against the bare server's. */
  readonly goals: { readonly rate: number; readonly cpu: number };
}

export type Kind = 'ours' | 'logged' | 'bare' | 'original';
export type HttpFigures = Readonly<Partial<Record<Kind, Slice>>>;

interface Server {
  readonly pid: number;
  readonly port: number;
}

const TURNS = 4;
/** So many that their answers are not all in the processor's caches. */
const ASKED_TOPICS = 300;
const GOALS = { rate: 0.85, cpu: 0.6 };
const lookups = (topics: number) =>
  Array.from({ length: Math.min(topics, ASKED_TOPICS) }, (_, i) => `/lookup?topic=${topicName(i)}`);
const row = (name: string, world: string, targets: readonly string[], more: Partial<HttpRow> = {}): HttpRow => ({
  name,
  world,
  targets,
  connections: 64,
  goals: GOALS,
  ...more,
});

/** Those of a world stand together: it is filled once for them. */
export const HTTP_ROWS: readonly HttpRow[] = [
  row('/lookup at 20 topics', 'small', lookups(20)),
  row('/lookup at 5,000 topics × 20 producers × 2 channels', 'medium', lookups(5000)),
  row('/channels, the same registry', 'medium', ['/channels?topic=topic_7']),
  row('/topics, the same registry', 'medium', ['/topics']),
  row('/ping, the same registry', 'medium', ['/ping']),
  row('/lookup while other topics change', 'medium', ['/lookup?topic=topic_0'], { changing: 'others' }),
  row('/lookup while that topic changes', 'medium', ['/lookup?topic=topic_0'], {
    changing: 'itself',
    goals: { rate: 0.5, cpu: 1.15 },
  }),
  row('/lookup at 100,000 topics', 'large', lookups(100_000)),
  row('/nodes at 200 nodes × 500 topics', 'large', ['/nodes'], { connections: 8, goals: { rate: 0.8, cpu: 1.15 } }),
];

/** Measures rows in their order, all servers of a row in turn, a second each. */
export async function* measureHttp(rows: readonly HttpRow[], program?: string): AsyncGenerator<[HttpRow, HttpFigures]> {
  for (const world of new Set(rows.map((each) => each.world))) {
    await using logFile = temporaryFile();
    await using ours = await startFilled(world);
    await using logged = await startFilled(world, { stderr: logFile.descriptor });
    await using original = program === undefined ? undefined : await startFilled(world, { program });
    for (const each of rows.filter((other) => other.world === world)) {
      await using bare = await startBare(ours.port, each.targets);
      const servers = { ours, logged, bare, ...(original && { original }) };
      yield [each, await inTurn(each, servers)];
    }
  }
}

async function inTurn(
  { targets, connections, changing }: HttpRow,
  servers: Readonly<Partial<Record<Kind, Server & { readonly peers?: readonly Socket[] }>>>,
): Promise<HttpFigures> {
  const slices = new Map(Object.keys(servers).map((kind) => [kind, [] as Slice[]]));
  for (let turn = 0; turn <= TURNS; turn++) {
    for (const [kind, { pid, port, peers }] of Object.entries(servers)) {
      const changes = changing && peers && change(peers[0]!, changing === 'itself');
      const slice = await runSlice({ pid, port, connections, targets });
      clearInterval(changes);
      if (turn > 0) slices.get(kind)!.push(slice); // the first is for warming up
    }
  }
  return Object.fromEntries([...slices].map(([kind, of]) => [kind, medianOf(of)]));
}

function medianOf(slices: readonly Slice[]): Slice {
  const middle = (key: keyof Slice) => slices.map((slice) => slice[key]).sort((a, b) => a - b)[slices.length >> 1]!;
  const keys = Object.keys(slices[0]!) as (keyof Slice)[];
  return Object.fromEntries(keys.map((key) => [key, middle(key)])) as unknown as Slice;
}

async function startFilled(world: string, { program, stderr }: { program?: string; stderr?: number } = {}) {
  const command = await startQuietly([], program, stderr === undefined ? 'fatal' : 'info', stderr);
  const peers = await fill(command, world);
  return {
    pid: command.process.pid!,
    port: command.httpPort,
    peers,
    [Symbol.asyncDispose]: async () => {
      for (const peer of peers) peer.destroy();
      await command.stop();
    },
  };
}

async function startBare(port: number, targets: readonly string[]) {
  const answers: Record<string, unknown> = {};
  for (const target of targets) answers[target] = await fetchRaw(port, 'GET', target);
  const child = fork(new URL('./bare-http.js', import.meta.url).pathname, { execArgv: [] });
  child.send(answers);
  const [bound] = (await once(child, 'message')) as [number];
  return { pid: child.pid!, port: bound, [Symbol.asyncDispose]: () => Promise.resolve(void child.kill()) };
}

function temporaryFile() {
  const directory = mkdtempSync(join(tmpdir(), 'nsqlookupd-bench-'));
  return {
    descriptor: openSync(join(directory, 'log'), 'a'),
    [Symbol.asyncDispose]: () => Promise.resolve(rmSync(directory, { recursive: true })),
  };
}
