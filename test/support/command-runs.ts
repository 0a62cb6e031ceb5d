import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** How a run of the command ended, and what it wrote. */
export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const PROGRAM = `
import { runCommand } from 'nsqlookupd/daemon';
process.setMaxListeners(0);
process.stderr.setMaxListeners(0);
process.on('message', async (args) => {
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    process[name].write = (text, ...rest) => {
      texts[name] += text;
      rest.at(-1)?.();
      return true;
    };
  }
  const code = await runCommand(args);
  process.send({ code, out: texts.stdout, err: texts.stderr });
});
`;

/**
 * One process in which the command runs again and again, each time to its end, as starting it is what takes long. Where it
 * matters that it is a process of its own, tests start it.
 */
export class CommandRuns implements Disposable {
  readonly #child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  #last: Promise<unknown> = Promise.resolve();

  /** One after another, as asked for. */
  readonly run = (...args: readonly string[]): Promise<CommandRun> => {
    const running = this.#last.then(async () => {
      const answered = once(this.#child, 'message');
      this.#child.send(args);
      return ((await answered) as [CommandRun])[0];
    });
    this.#last = running.catch(() => undefined);
    return running;
  };

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
