import { build } from 'esbuild';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import type { Announcement } from 'nsqlookupd/protocol';
import type { Scenario, ScenarioAnswer, ScenarioConnection, ScenarioTarget } from 'nsqlookupd/testing';
import { fetchRaw } from '../support/command-lookupd.js';
import { parseGoDuration } from '../support/go-duration.js';
import { CALL_PATH, type Calls, type Output } from './worker-calls.js';

interface Miniflare {
  readonly ready: Promise<URL>;
  dispose(): Promise<void>;
}

// Of the programs' folder, which is there only for these tests.
const programs = createRequire(resolve('test/runtimes/programs/package.json'));

/** The worker in a workerd of its own. */
export interface Workerd extends AsyncDisposable {
  call<N extends keyof Calls>(name: N, ...args: Parameters<Calls[N]>): Promise<ReturnType<Calls[N]>>;
  /** A request over a socket, its target as it is. */
  http(method: string, target: string, headers?: Readonly<Record<string, string>>): Promise<ScenarioAnswer>;
}

export async function startWorkerd(): Promise<Workerd> {
  const { Miniflare } = programs('miniflare') as { Miniflare: new (options: object) => Miniflare };
  const miniflare = new Miniflare({
    modules: true,
    script: await bundle(),
    compatibilityDate: '2026-07-01',
    compatibilityFlags: [], // nodejs_compat above all
    host: '127.0.0.1',
    port: 0,
    cf: false, // which asks the network
  });
  const port = Number((await miniflare.ready).port);
  return {
    call: async (name, ...args) => {
      const response = await fetch(`http://127.0.0.1:${port}${CALL_PATH}`, {
        method: 'POST',
        body: JSON.stringify([name, args]),
      });
      if (!response.ok) throw new Error(`${name}: ${await response.text()}`);
      return (await response.json()) as never;
    },
    http: (method, target, headers) => fetchRaw(port, method, target, headers),
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}

/** The worker and the package in one text. A module of Node's would fail it. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['build/test/runtimes/worker.js'],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    write: false,
  });
  return outputFiles[0]!.text;
}

/** A fresh lookupd in there, for a recorded conversation. */
export async function createWorkerdLookupd(
  workerd: Workerd,
  { options = {} }: Scenario,
): Promise<ScenarioTarget & AsyncDisposable> {
  const facts = { tcp_port: 4160, http_port: 4161, hostname: 'workerd', version: '1.3.0' };
  const announcement: Announcement = {
    broadcastAddress: 'lookupd.test',
    hostname: facts.hostname,
    tcpPort: facts.tcp_port,
    httpPort: facts.http_port,
    version: facts.version,
  };
  const ms = (option: string) => (options[option] === undefined ? undefined : parseGoDuration(options[option]));
  const inactive = ms('inactive-producer-timeout');
  const tombstone = ms('tombstone-lifetime');
  let port = 40_000;
  await workerd.call('reset', {
    ...(inactive !== undefined && { inactiveProducerTimeoutMs: inactive }),
    ...(tombstone !== undefined && { tombstoneLifetimeMs: tombstone }),
  });
  return {
    facts,
    open: () => connect(workerd, `127.0.0.1:${++port}`, announcement),
    http: (method, target, headers) => workerd.http(method, target, headers),
    sleep: (ms) => workerd.call('sleep', ms),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function connect(workerd: Workerd, address: string, announcement: Announcement): Promise<ScenarioConnection> {
  let pending = Buffer.alloc(0);
  let isClosed = false;
  const take = ({ bytes, close }: Output) => {
    if (isClosed) return;
    pending = Buffer.concat([pending, Uint8Array.from(bytes)]);
    isClosed = close;
  };
  await workerd.call('open', address, announcement);
  return {
    address,
    send: async (bytes) => take(await workerd.call('receive', address, [...bytes])),
    receive: () => {
      if (pending.length === 0) return Promise.resolve(isClosed ? 'closed' : 'timeout');
      const end = 4 + pending.readInt32BE(0);
      const payload = pending.subarray(4, end);
      pending = pending.subarray(end);
      return Promise.resolve(payload);
    },
    end: async () => take(await workerd.call('end', address)),
    close: async () => take(await workerd.call('end', address)),
  };
}
