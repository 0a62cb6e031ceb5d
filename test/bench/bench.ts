/**
 * `npm run bench`, or `npm run bench -- NAME` for the rows whose name has NAME in it. With `NSQLOOKUPD_BIN` naming a
 * real nsqlookupd, what that one does is a column.
 */
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { ROWS, type Measured, type Row } from './rows.js';

const wanted = process.argv[2] ?? '';
const rows = ROWS.filter(({ name }) => name.includes(wanted));
if (rows.length === 0) {
  console.error(`no row is named like ${wanted}; there are:\n${ROWS.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

const program = process.env['NSQLOOKUPD_BIN'];
const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });
const isMet = ({ goal, atMost }: Row, ratio: number) => (atMost ? ratio <= goal : ratio >= goal);

function toCells(row: Row, { ours, other, ratio }: Measured, real?: number): readonly string[] {
  const { name, unit, goal, atMost } = row;
  const figure = (value?: number) => (value === undefined ? '–' : `${number(value)} ${unit}`);
  const cells = [name, figure(ours), figure(other), ...(program === undefined ? [] : [figure(real)])];
  // Cut, not rounded: what is just short of its goal is not to look as if it met it.
  const judged = other === undefined ? number(ours) : (Math.trunc(ratio * 100) / 100).toFixed(2);
  return [...cells, judged, `${atMost ? '≤' : '≥'} ${number(goal)}`, isMet(row, ratio) ? 'met' : 'NOT MET'];
}

const toLine = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${new Date().toISOString()}\n`,
);
const head = ['work', 'ours', 'bare', ...(program === undefined ? [] : [basename(program)]), 'judged', 'goal', ''];
console.log(toLine(head));
console.log(toLine(head.map(() => '---')));
let missed = 0;
for (const [i, row] of rows.entries()) {
  process.stderr.write(`${i + 1} of ${rows.length}: ${row.name} …\n`);
  const measured = await row.run();
  const real = program === undefined ? undefined : await row.runReal?.(program);
  if (!isMet(row, measured.ratio)) missed++;
  console.log(toLine(toCells(row, measured, real)));
}
console.log(`\n${rows.length - missed} of ${rows.length} met`);
