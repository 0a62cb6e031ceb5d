import { Worker } from 'node:worker_threads';

/** How much of the processor's time a test may take: the longest takes 3 seconds. */
const MAX_CPU_MS = 10_000;

const CODE = `
  const { Session } = require('node:inspector');
  const { workerData } = require('node:worker_threads');
  const session = new Session();
  session.connectToMainThread();
  let turn = -1;
  let before;
  setInterval(() => {
    const now = Atomics.load(workerData, 0);
    if (now !== turn) before = process.cpuUsage();
    else if (process.cpuUsage(before).user > ${MAX_CPU_MS} * 1000) {
      session.post('Runtime.terminateExecution');
      before = process.cpuUsage();
    }
    turn = now;
  }, 250);
`;

/** Stops the code of a test that never comes back to the event loop; whoever waits for it waits on. Answers what begins a test. */
export function createWatchdog(): () => void {
  const turn = new Int32Array(new SharedArrayBuffer(4));
  new Worker(CODE, { eval: true, workerData: turn }).unref();
  return () => void Atomics.add(turn, 0, 1);
}
