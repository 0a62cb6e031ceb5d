/**
 * A process of its own beside an attack: it asks for `/ping`, or another path, as a peer it pings, and it looks at the
 * memory of the attacked process. `{ path }` starts its figures anew; `'tell'` has it send them.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { greet } from './tcp-load.js';

export interface ProbeFigures {
  /** The longest that an answer took, whether to a request or to a ping. */
  readonly pauseMs: number;
  /** For how long of it the attacked one's main thread had a core: if for a small part, the machine kept it waiting. */
  readonly pauseCpuMs: number;
  readonly p99Ms: number;
  readonly rssMiB: number;
  readonly beforeRssMiB: number;
  readonly peakRssMiB: number;
  /** Answers that did not come, but for those after the attacked process had ended. */
  readonly lost: number;
}

interface Pause {
  readonly ms: number;
  readonly cpuMs: number;
}

const PAUSE_MS = 2;
const [pid, tcpPort, httpPort] = process.argv.slice(2).map(Number) as [number, number, number];
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

let path = '/ping';
let httpMs: number[] = [];
let longest: Pause = { ms: 0, cpuMs: 0 };
let beforeRssMiB = 0;
let peakRssMiB = 0;
let lost = 0;
/** When what is not yet answered was asked, and what the main thread had worked by then. */
const asked = new Map<string, Pause>();

/** 0 when there is no such process, or no such file. */
function rssMiB(): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function now(): Pause {
  let cpuMs = 0;
  try {
    cpuMs = Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    // It has ended, or this is not Linux.
  }
  return { ms: performance.now(), cpuMs };
}

const longer = (a: Pause, b: Pause): Pause => (b.ms > a.ms ? b : a);

/** Since that was asked. */
function since({ ms, cpuMs }: Pause): Pause {
  const then = now();
  return { ms: then.ms - ms, cpuMs: then.cpuMs - cpuMs };
}

async function measure(kind: string, run: () => Promise<void>): Promise<void> {
  for (;;) {
    asked.set(kind, now());
    try {
      await run();
      // What was asked before the figures were started anew counts from then on.
      const pause = since(asked.get(kind)!);
      longest = longer(longest, pause);
      if (kind === 'http') httpMs.push(pause.ms);
    } catch {
      if (rssMiB() === 0) return;
      lost++;
      await delay(50);
    }
    asked.delete(kind);
    await delay(PAUSE_MS);
  }
}

async function request(): Promise<void> {
  const call = get({ host: '127.0.0.1', port: httpPort, path, agent });
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
}

function ping(peer: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      peer.off('data', settle).off('close', settle);
      if (peer.destroyed) reject(new Error('the peer was thrown out'));
      else resolve();
    };
    peer.once('data', settle).once('close', settle).write('PING\n');
    if (peer.destroyed) settle();
  });
}

try {
  setPriority(-10); // so that what it measures is not its own waiting for a core
} catch {
  // Who may not has figures that are a little worse.
}

process.on('message', (message: 'tell' | { readonly path: string }) => {
  if (message === 'tell') {
    const times = httpMs.sort((a, b) => a - b);
    const pause = [...asked.values()].map(since).reduce(longer, longest);
    const figures: ProbeFigures = {
      pauseMs: pause.ms,
      pauseCpuMs: pause.cpuMs,
      p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
      rssMiB: rssMiB(),
      beforeRssMiB,
      peakRssMiB,
      lost,
    };
    process.send?.(figures);
  } else {
    path = message.path;
    httpMs = [];
    longest = { ms: 0, cpuMs: 0 };
    lost = 0;
    beforeRssMiB = peakRssMiB = rssMiB();
    for (const kind of asked.keys()) asked.set(kind, now());
    process.send?.('started');
  }
});
process.on('disconnect', () => process.exit());

const [peer] = await greet(tcpPort, 1, 'probe');
peer!.on('error', () => {}); // `close` follows
setInterval(() => (peakRssMiB = Math.max(peakRssMiB, rssMiB())), 20);
void measure('http', request);
void measure('tcp', () => ping(peer!));
process.send?.('up');
