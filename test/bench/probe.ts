import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ProbeFigures } from './probe-process.js';
import type { QuietCommand } from './quiet-command.js';

export interface Probe {
  /** Starts the figures anew, asking for that path from now on. */
  start(path?: string): Promise<void>;
  tell(): Promise<ProbeFigures>;
  stop(): void;
}

/** A process that measures how long a lookupd keeps others waiting. */
export async function startProbe({
  process: { pid },
  tcpPort,
  httpPort,
}: Pick<QuietCommand, 'process' | 'tcpPort' | 'httpPort'>): Promise<Probe> {
  const program = new URL('./probe-process.js', import.meta.url).pathname;
  const child = fork(program, [pid, tcpPort, httpPort].map(String), { execArgv: [] });
  await once(child, 'message');
  return {
    start: async (path = '/ping') => {
      child.send({ path });
      await once(child, 'message');
    },
    tell: async () => {
      child.send('tell');
      return ((await once(child, 'message')) as [ProbeFigures])[0];
    },
    stop: () => void child.kill(),
  };
}
