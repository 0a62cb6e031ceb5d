/** Load by wrk, which takes less of a processor than any server in Node, so that it waits for the server and not the server for it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one slice of load gave. */
export interface Slice {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** User and system time of the server's process. */
  readonly cpuMicrosPerRequest: number;
  /** Parts of one processor that were in use, by the server and by wrk. */
  readonly serverShare: number;
  readonly loadShare: number;
}

export interface Load {
  readonly port: number;
  readonly pid: number;
  readonly connections: number;
  /** What is asked for, in turn. */
  readonly targets: readonly string[];
}

const TICK_MS = 10;
const SLICE_S = 1;
const MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000 };

/** Throws an error that says how to get wrk where there is none. */
export function assertWrk(): void {
  if (spawnSync('wrk', ['-v']).error)
    throw new Error(
      'the bench loads servers with wrk, which is not installed: apt-get install wrk, or brew install wrk',
    );
}

/** One slice of load, of a second. */
export async function runSlice({ port, pid, connections, targets }: Load): Promise<Slice> {
  const directory = mkdtempSync(join(tmpdir(), 'nsqlookupd-bench-'));
  try {
    const script = join(directory, 'targets.lua');
    writeFileSync(script, toScript(targets));
    const flags = ['-t1', `-c${connections}`, `-d${SLICE_S}s`, '--latency', '-s', script, `http://127.0.0.1:${port}`];
    const before = cpuMs(pid);
    // The shell tells how much time its child took: wrk does not.
    const child = spawn('sh', ['-c', 'wrk "$@"; times', 'sh', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await once(child, 'close');
    return toSlice(text, cpuMs(pid) - before);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function toScript(targets: readonly string[]): string {
  return `local requests, turn = {}, 0
function init() ${targets.map((target) => `requests[#requests + 1] = wrk.format("GET", ${JSON.stringify(target)})`).join('\n')} end
function request() turn = turn % #requests + 1; return requests[turn] end`;
}

function toSlice(text: string, serverMs: number): Slice {
  const find = (pattern: RegExp) => {
    const found = pattern.exec(text);
    if (!found) throw new Error(`wrk said what is not understood:\n${text}`);
    return found.slice(1);
  };
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`not every request was answered:\n${text}`);
  const [p99 = '', unit = ''] = find(/99%\s+([\d.]+)(us|ms|s)/);
  const [requests = '', seconds = ''] = find(/(\d+) requests in ([\d.]+)s/);
  const [userMinutes, user, systemMinutes, system] = find(/\n(\d+)m([\d.]+)s (\d+)m([\d.]+)s\n$/).map(Number);
  const loadSeconds = 60 * (userMinutes! + systemMinutes!) + user! + system!;
  return {
    perSecond: Number(requests) / Number(seconds),
    p99Ms: Number(p99) * MS[unit]!,
    cpuMicrosPerRequest: (serverMs * 1000) / Number(requests),
    serverShare: serverMs / 1000 / Number(seconds),
    loadShare: loadSeconds / Number(seconds),
  };
}

/** User and system time that a process has taken. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
