import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { hostname } from 'node:os';
import { NSQLOOKUPD_VERSION } from 'nsqlookupd/http';
import { createSocketTarget, type Scenario, type ScenarioAnswer, type ScenarioTarget } from 'nsqlookupd/testing';

export const COMMAND = 'dist/command/nsqlookupd.cjs';
const START_MS = 20_000;

/** The built command in a process of its own. */
export interface Command extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly tcpPort: number;
  readonly httpPort: number;
  /** What it has written to standard error. */
  log(): string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/**
 * Starts the command on free ports of the loopback interface and waits until it listens; by way of a shell if
 * something is to come before it.
 */
export async function startCommand(
  args: readonly string[] = [],
  { prefix, command = COMMAND }: { readonly prefix?: string; readonly command?: string } = {},
): Promise<Command> {
  const flags = ['-tcp-address=127.0.0.1:0', '-http-address=127.0.0.1:0', ...args];
  const [program, ...rest] =
    prefix === undefined
      ? [process.execPath, command, ...flags]
      : ['bash', '-c', `${prefix} "$0" "$@"`, process.execPath, command, ...flags];
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let text = '';
  const ports = new Promise<[number, number]>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const http = /HTTP: listening on \S+:(\d+)/.exec(text)?.[1];
      const tcp = /TCP: listening on \S+:(\d+)/.exec(text)?.[1];
      if (http !== undefined && tcp !== undefined) resolve([Number(tcp), Number(http)]);
    });
    void exited.then(([code]) => reject(new Error(`exit code ${code}: ${text}`)));
    setTimeout(() => reject(new Error(`not listening after ${START_MS} ms: ${text}`)), START_MS).unref();
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null) child.kill(signal);
    const [code, by] = await exited;
    return { code, signal: by };
  };
  try {
    const [tcpPort, httpPort] = await ports;
    return {
      process: child,
      exited: exited.then(([code, signal]) => ({ code, signal })),
      tcpPort,
      httpPort,
      log: () => text,
      stop,
      [Symbol.asyncDispose]: async () => {
        await stop('SIGKILL');
      },
    };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
}

export async function createCommandLookupd({
  options = {},
}: Pick<Scenario, 'options'>): Promise<ScenarioTarget & AsyncDisposable> {
  const flags = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
  const command = await startCommand(['-broadcast-address=lookupd.test', ...flags]);
  const target = createSocketTarget({
    tcpAddress: `127.0.0.1:${command.tcpPort}`,
    httpAddress: `127.0.0.1:${command.httpPort}`,
    hostname: hostname(),
    version: NSQLOOKUPD_VERSION,
  });
  return { ...target, [Symbol.asyncDispose]: () => command[Symbol.asyncDispose]() };
}

/** A request whose target goes out as it is. */
export function fetchRaw(
  port: number,
  method: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
  host = '127.0.0.1',
): Promise<ScenarioAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path: target, headers, agent: false };
    const call = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers as Record<string, string>, text }),
      );
      response.on('error', reject);
    });
    call.on('error', reject).end();
  });
}
