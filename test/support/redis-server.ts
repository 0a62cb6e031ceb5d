import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createClient } from '@redis/client';
import { freePort } from './free-port.js';

/** Why tests that need Redis are skipped; false where its server is installed. It says so on the console, too. */
export function skipWithoutRedis(): string | false {
  if (spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).error === undefined) return false;
  const reason = 'SKIPPED: redis-server is not installed (Debian: apt-get install redis-server)';
  console.error(reason);
  return reason;
}

/** A server of its own on the loopback interface, which keeps nothing on disk. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of its process, as it runs now. */
  pid(): number;
  /** What the command gives. */
  command(...args: string[]): Promise<unknown>;
  /** Ends it with that signal (default SIGKILL), and waits for that. */
  stop(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  /** SIGSTOP or SIGCONT, say. */
  signal(signal: NodeJS.Signals): void;
}

/** `more`: arguments beside those; what is first among them may be a config file. */
export async function startRedis(...more: readonly string[]): Promise<RedisServer> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const run = async () => {
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
    const file = more.filter((each, i) => i === 0 && each.endsWith('.conf'));
    const args = [...file, ...own, ...more.slice(file.length)];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let log = '';
    for await (const chunk of child.stdout)
      if (/eady to accept connections|Sentinel ID is/.test((log += String(chunk)))) break;
    return child;
  };
  let child = await run();
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return {
    url,
    port,
    pid: () => child.pid!,
    command: async (...args) => {
      const client = createClient({ url });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return await client.sendCommand(args);
      } finally {
        client.destroy();
      }
    },
    stop,
    start: async () => {
      child = await run();
    },
    signal: (signal) => child.kill(signal),
    [Symbol.asyncDispose]: stop,
  };
}
