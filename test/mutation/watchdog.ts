import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

/** How much of the processor's time a test may take: those that are not left out take less than half a second. */
const MAX_CPU_MS = 8000;

const CODE = `
  const { writeFileSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  let test = -1;
  let before;
  setInterval(() => {
    const mutant = Atomics.load(workerData, 0);
    const now = Atomics.load(workerData, 1);
    if (now !== test) before = process.cpuUsage();
    else if (mutant >= 0 && process.cpuUsage(before).user > ${MAX_CPU_MS} * 1000) {
      writeFileSync('endless-' + mutant, '');
      process.kill(process.pid, 'SIGKILL');
    }
    test = now;
  }, 250);
`;

/** Ends the process when a test never comes back to the event loop, and tells the one that is started after it. */
export class Watchdog {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));

  constructor() {
    new Worker(CODE, { eval: true, workerData: this.#shared }).unref();
  }

  /** Whether a process was ended while that change was tested. */
  hasEnded(mutant: string): boolean {
    return existsSync(`endless-${mutant}`);
  }

  /** A test begins, with that change if with any. */
  begin(mutant: string | undefined): void {
    Atomics.store(this.#shared, 0, Number(mutant ?? -1));
    Atomics.add(this.#shared, 1, 1);
  }
}
