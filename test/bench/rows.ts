import { execFileSync, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { encodePeerMessage } from 'nsqlookupd/protocol';
import { COMMAND, fetchRaw } from '../support/command-lookupd.js';
import { startQuietly } from './quiet-command.js';
import { realTcp } from './real.js';
import { exchange, greet, order } from './tcp-load.js';

export interface Measured {
  readonly ours: number;
  readonly other?: number;
  /** What the goal is about: ours to other, or the figure itself. */
  readonly ratio: number;
}

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly goal: number;
  /** Whether less is better. */
  readonly atMost?: boolean;
  readonly run: () => Promise<Measured>;
  /** The same work on the nsqlookupd that `program` names. */
  readonly runReal?: (program: string) => Promise<number>;
}

type Runs = Pick<Row, 'run' | 'runReal'>;

const ROUNDS = 15;
const ROUND_MS = 200;
const REAL_MS = 3000;
const STARTS = 9;
/** By then a command has loaded all that it loads after its start. */
const SETTLING_MS = 1000;
const file = (name: string) => new URL(`./${name}.js`, import.meta.url).pathname;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function serve(script: string, ...args: string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(file(script), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

/** Both in turn, round by round; medians of each, and of the rounds' ratios. */
async function sideBySide(measure: (kind: 'ours' | 'bare') => Promise<number>, count = ROUNDS): Promise<Measured> {
  await measure('ours');
  await measure('bare');
  const rounds: [number, number][] = [];
  for (let i = 0; i < count; i++) rounds.push([await measure('ours'), await measure('bare')]);
  return {
    ours: median(rounds.map(([ours]) => ours)),
    other: median(rounds.map(([, other]) => other)),
    ratio: median(rounds.map(([ours, other]) => ours / other)),
  };
}

function tcp(count: number, lineOf: (socket: number, i: number) => string): Runs {
  const run = async () => {
    const servers = { ours: await serve('tcp-server', 'ours'), bare: await serve('tcp-server', 'bare') };
    const sockets: Record<'ours' | 'bare', Socket[]> = {
      ours: await greet(servers.ours.port, count),
      bare: await greet(servers.bare.port, count),
    };
    try {
      return await sideBySide((kind) => exchange(sockets[kind], lineOf, ROUND_MS));
    } finally {
      for (const socket of [...sockets.ours, ...sockets.bare]) socket.destroy();
      for (const { child } of Object.values(servers)) child.kill();
    }
  };
  return { run, runReal: (program) => realTcp(program, count, lineOf, REAL_MS) };
}

function inProcess(what: string, topics: number): number {
  const args = ['--expose-gc', '--max-old-space-size=8192', file('in-process'), what, String(topics)];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

function figure(what: string, topics: number): () => Promise<Measured> {
  return () => {
    const ours = median([1, 2, 3].map(() => inProcess(what, topics)));
    return Promise.resolve({ ours, ratio: ours });
  };
}

/** The same wanted at two sizes, so that faster counts as slower does. */
function flat(what: string, [small, large]: readonly [number, number]): () => Promise<Measured> {
  return () => {
    const pairs = [1, 2, 3].map(() => [inProcess(what, small), inProcess(what, large)] as const);
    return Promise.resolve({
      ours: median(pairs.map(([ours]) => ours)),
      other: median(pairs.map(([, other]) => other)),
      ratio: median(pairs.map(([ours, other]) => Math.min(ours / other, other / ours))),
    });
  };
}

/** 200 peers of 1,000 registrations go at once: until `/nodes` is empty, and the longest pause of the event loop. */
async function leave(program?: string): Promise<{ ms: number; pauseMs: number }> {
  const results: { ms: number; pauseMs: number }[] = [];
  for (let round = 0; round < 3; round++) {
    const probe = `data:text/javascript,${encodeURIComponent(PAUSE_PROBE)}`;
    await using command = await startQuietly(['--import', probe], program);
    const peers = await greet(command.tcpPort, 200);
    await Promise.all(
      peers.map((peer, p) =>
        order(
          peer,
          Array.from({ length: 1000 }, (_, i) =>
            encodePeerMessage({ type: 'register', topic: `topic_${(p * 500 + i) % 100_000}`, channel: '' }),
          ),
        ),
      ),
    );
    if (program === undefined) command.process.kill('SIGUSR2'); // starts the probe anew
    await setTimeout(50);
    const start = performance.now();
    for (const peer of peers) peer.destroy();
    while ((await fetchRaw(command.httpPort, 'GET', '/nodes')).text !== '{"producers":[]}');
    const ms = performance.now() - start;
    results.push({ ms, pauseMs: Number(/longest pause ([\d.]+)/.exec(await command.stop())?.[1] ?? NaN) });
  }
  return { ms: median(results.map(({ ms }) => ms)), pauseMs: median(results.map(({ pauseMs }) => pauseMs)) };
}

const alone = async (figure: Promise<number>): Promise<Measured> => {
  const ours = await figure;
  return { ours, ratio: ours };
};

const PAUSE_PROBE = `
let last = performance.now(), longest = 0;
const look = () => { const now = performance.now(); longest = Math.max(longest, now - last); last = now; };
setInterval(look, 1).unref();
process.on('SIGUSR2', () => { last = performance.now(); longest = 0; });
process.on('exit', () => process.stderr.write('longest pause ' + longest + '\\n'));
`;

async function idlePeersMiB(program?: string): Promise<number> {
  await using command = await startQuietly([], program);
  const peers = await greet(command.tcpPort, 5000);
  const rss = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${command.process.pid}/status`, 'utf8'))?.[1];
  for (const peer of peers) peer.destroy();
  return Number(rss) / 1024;
}

/** How many peers a second connect and introduce themselves. */
async function connecting(port: number): Promise<number> {
  const start = performance.now();
  const peers = await greet(port, 5000);
  const ms = performance.now() - start;
  for (const peer of peers) peer.destroy();
  return 5000 / (ms / 1000);
}

async function connectingToCommand(program?: string): Promise<number> {
  await using command = await startQuietly([], program);
  await setTimeout(SETTLING_MS);
  return await connecting(command.tcpPort);
}

/** Each time to a fresh start, as after a restart a whole fleet does. */
async function connectingSideBySide(): Promise<Measured> {
  const bare = async () => {
    const { child, port } = await serve('tcp-server', 'bare');
    await setTimeout(SETTLING_MS);
    try {
      return await connecting(port);
    } finally {
      child.kill();
    }
  };
  return sideBySide((kind) => (kind === 'ours' ? connectingToCommand() : bare()), STARTS);
}

/** Milliseconds until a program says those words. */
function untilSaid(program: string, args: readonly string[], words: RegExp): Promise<number> {
  return new Promise((resolve) => {
    const start = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += String(chunk);
      if (!words.test(text)) return;
      child.removeAllListeners().kill('SIGKILL');
      child.stderr.removeAllListeners();
      resolve(performance.now() - start);
    });
  });
}

/** Milliseconds more than node alone needs to come to its first words. */
async function startUp(args: readonly string[], words: RegExp): Promise<Measured> {
  const bare = ['--input-type=module', '-e', "process.stderr.write('up')"];
  const rounds: [number, number][] = [];
  for (let i = 0; i < 11; i++) {
    rounds.push([await untilSaid(process.execPath, args, words), await untilSaid(process.execPath, bare, /up/)]);
  }
  return {
    ours: median(rounds.map(([ours]) => ours)),
    other: median(rounds.map(([, other]) => other)),
    ratio: median(rounds.map(([ours, other]) => ours - other)),
  };
}

const ANY_PORTS = ['-tcp-address=127.0.0.1:0', '-http-address=127.0.0.1:0'];
export const ROWS: readonly Row[] = [
  {
    name: 'REGISTER one at a time over 50 sockets',
    unit: '/s',
    goal: 0.8,
    ...tcp(50, (socket, i) => `REGISTER topic_${(socket * 1000 + i) % 50_000}\n`),
  },
  { name: 'PING one at a time over 5,000 sockets', unit: '/s', goal: 0.8, ...tcp(5000, () => 'PING\n') },
  { name: 'REGISTER, UNREGISTER through a session', unit: '/s', goal: 500_000, run: figure('sessionRate', 100_000) },
  { name: 'add, remove on the registry', unit: '/s', goal: 1_000_000, run: figure('registryRate', 100_000) },
  {
    name: 'session, 1,000 beside 1,000 registrations, against beside 1,000,000',
    unit: '/s',
    goal: 0.75,
    run: flat('sessionRateBeside', [1000, 1_000_000]),
  },
  {
    name: 'registry, 1,000 beside 1,000 registrations, against beside 1,000,000',
    unit: '/s',
    goal: 0.75,
    run: flat('registryRateBeside', [1000, 1_000_000]),
  },
  {
    name: 'session, 0 to 1,000 registrations and back, against 1,000,000',
    unit: '/s',
    goal: 0.75,
    run: flat('sessionRate', [100, 100_000]),
  },
  {
    name: 'registry, 0 to 1,000 registrations and back, against 1,000,000',
    unit: '/s',
    goal: 0.75,
    run: flat('registryRate', [100, 100_000]),
  },
  {
    name: '200 peers of 1,000 registrations leave',
    unit: 'ms',
    goal: 300,
    atMost: true,
    run: () => alone(leave().then(({ ms }) => ms)),
    runReal: async (program) => (await leave(program)).ms,
  },
  {
    name: 'longest pause while they leave',
    unit: 'ms',
    goal: 50,
    atMost: true,
    run: () => alone(leave().then(({ pauseMs }) => pauseMs)),
  },
  {
    name: 'heap of a producer’s registration at 1,000,000',
    unit: 'bytes',
    goal: 200,
    atMost: true,
    run: figure('bytesPerRegistration', 100_000),
  },
  {
    name: 'connecting 5,000 peers after a fresh start',
    unit: '/s',
    goal: 0.8,
    run: connectingSideBySide,
    runReal: connectingToCommand,
  },
  {
    name: 'RSS with 5,000 idle peers',
    unit: 'MiB',
    goal: 85,
    atMost: true,
    run: () => alone(idlePeersMiB()),
    runReal: idlePeersMiB,
  },
  {
    name: 'the command from start to listening, more than node',
    unit: 'ms',
    goal: 25,
    atMost: true,
    run: () => startUp([COMMAND, ...ANY_PORTS], /TCP: listening/),
    runReal: (program) => untilSaid(program, ANY_PORTS, /TCP: listening/),
  },
  {
    name: 'import nsqlookupd/registry, more than node',
    unit: 'ms',
    goal: 5,
    atMost: true,
    run: () =>
      startUp(['--input-type=module', '-e', "await import('nsqlookupd/registry');process.stderr.write('up')"], /up/),
  },
];
