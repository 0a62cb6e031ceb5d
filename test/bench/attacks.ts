/**
 * `npm run bench:attacks`, or `npm run bench:attacks -- NAME` for those whose name has NAME in it: what single peers and
 * clients can do to everyone else on the built command with its default limits, measured from a process beside it.
 */
import { cpus, getPriority, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ATTACKS, type Attack } from './attack-list.js';
import { AttackTarget } from './attack-target.js';
import { startProbe } from './probe.js';
import { startQuietly } from './quiet-command.js';

const GOAL_MS = 50;
const PREPARE_MS = 30_000;
const ATTACK_MS = 15_000;
const SETTLE_MS = 3000;
/** More than the grace period. */
const END_MS = 7000;

/** No higher than that of the probe, which raises its own to -10: else that waits for the attacked. */
const OURS = Math.max(getPriority(), -10);

function setOwnPriority(priority: number): void {
  try {
    setPriority(Math.min(priority, 19));
  } catch {
    // Who may not raise it again has the attacked at that of who attacks.
  }
}

const wanted = process.argv[2] ?? '';
const attacks = ATTACKS.filter(({ name }) => name.includes(wanted));
const toLine = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** What it answers within its time; an attack that is over has nobody left to fail to. */
function bounded(attack: Attack, start: (onBegin: () => void) => AttackTarget): Promise<string> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout;
    const cutOffAfter = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => resolve(`cut off after ${ms / 1000} s`), ms);
    };
    cutOffAfter(PREPARE_MS);
    const target = start(() => cutOffAfter(ATTACK_MS));
    void attack
      .run(target)
      .then((note) => (typeof note === 'string' ? note : ''), String)
      .then((note) => {
        clearTimeout(timer);
        resolve(note);
      });
  });
}

async function measure(attack: Attack): Promise<{ cells: readonly string[]; isMet: boolean }> {
  setOwnPriority(OURS); // which those that are started inherit
  const command = await startQuietly(attack.nodeArgs, undefined, attack.logLevel);
  const { process: child } = command;
  const probe = await startProbe(command);
  setOwnPriority(OURS + 10); // whoever attacks is not to take the core of whom it attacks
  let target: AttackTarget | undefined;
  const notes = [await bounded(attack, (onBegin) => (target = new AttackTarget(command, probe, onBegin)))];
  const { pauseMs, pauseCpuMs, p99Ms, beforeRssMiB, peakRssMiB, lost } = await probe.tell();
  target?.leave();
  await delay(SETTLE_MS);
  const leftMiB = (await probe.tell()).rssMiB - beforeRssMiB;

  const hasEnded = child.exitCode !== null || child.signalCode !== null;
  if (hasEnded) notes.push('THE PROCESS ENDED');
  else if (lost > 0) notes.push(`${lost} answers to the probe lost`);
  const ended = command.stop();
  const start = performance.now();
  const isEnded = await Promise.race([ended.then(() => true), delay(END_MS, false)]);
  const endMs = performance.now() - start;
  if (!isEnded) notes.push(`HAS NOT ENDED ${END_MS / 1000} s after SIGTERM`);
  else if (endMs > 100 && !hasEnded) notes.push(`ended ${number(endMs)} ms after SIGTERM`);
  child.kill('SIGKILL');
  await ended;
  probe.stop();

  const isMet = pauseMs <= GOAL_MS && !hasEnded && isEnded;
  const memory = [peakRssMiB - beforeRssMiB, leftMiB].map((mib) => (hasEnded ? '–' : number(mib)));
  const words = notes.filter(Boolean).join('; ');
  return {
    cells: [
      attack.name,
      number(pauseMs),
      number(pauseCpuMs),
      number(p99Ms),
      ...memory,
      isMet ? 'met' : 'NOT MET',
      words,
    ],
    isMet,
  };
}

if (attacks.length === 0) {
  console.error(`no attack is named like ${wanted}; there are:\n${ATTACKS.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${new Date().toISOString()}\n`,
);
const head = [
  ...[
    'attack',
    'longest pause, ms',
    'CPU in it, ms',
    'p99, ms',
    'RSS grew, MiB',
    'left, MiB',
    `goal ≤ ${GOAL_MS} ms`,
    '',
  ],
];
console.log(toLine(head));
console.log(toLine(head.map(() => '---')));
let met = 0;
for (const [i, attack] of attacks.entries()) {
  process.stderr.write(`${i + 1} of ${attacks.length}: ${attack.name} …\n`);
  const { cells, isMet } = await measure(attack);
  if (isMet) met++;
  console.log(toLine(cells));
}
console.log(`\n${met} of ${attacks.length} met`);
process.exit(met === attacks.length ? 0 : 1);
