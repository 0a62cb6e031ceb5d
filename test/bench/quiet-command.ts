import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { COMMAND, fetchRaw } from '../support/command-lookupd.js';
import { freePort } from '../support/free-port.js';

/** The command without its log, on ports that were free. */
export interface QuietCommand extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly tcpPort: number;
  readonly httpPort: number;
  /** Ends it, and gives what it wrote to standard error. */
  stop(): Promise<string>;
}

/** `program`, if given, runs instead of ours: it takes the same flags. The log goes to a file, if there is a descriptor of one. */
export async function startQuietly(
  nodeArgs: readonly string[] = [],
  program?: string,
  logLevel = 'fatal',
  stderr?: number,
): Promise<QuietCommand> {
  const [tcpPort, httpPort] = await Promise.all([freePort(), freePort()]);
  const flags = [
    `-tcp-address=127.0.0.1:${tcpPort}`,
    `-http-address=127.0.0.1:${httpPort}`,
    `-log-level=${logLevel}`,
    '-inactive-producer-timeout=1h',
  ];
  const [command, args] =
    program === undefined ? [process.execPath, [...nodeArgs, COMMAND, ...flags]] : [program, flags];
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', stderr ?? 'pipe'] });
  const exited = once(child, 'exit');
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => (text += String(chunk)));
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exited;
    return text;
  };
  const isUp = () =>
    fetchRaw(httpPort, 'GET', '/ping').then(
      () => true,
      () => false,
    );
  while (!(await isUp())) {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${text}`);
  }
  return {
    process: child,
    tcpPort,
    httpPort,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
