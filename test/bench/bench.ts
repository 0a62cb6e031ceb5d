/**
 * `npm run bench`, or `npm run bench -- NAME` for the rows whose name has NAME in it. With `NSQLOOKUPD_BIN` naming a
 * real nsqlookupd, what that one does is a column.
 */
import { cpus } from 'node:os';
import { basename } from 'node:path';
import { HTTP_ROWS, measureHttp, type HttpFigures, type HttpRow } from './http-rows.js';
import { ROWS, type Measured, type Row } from './rows.js';
import { assertWrk } from './wrk.js';

const wanted = process.argv[2] ?? '';
const isWanted = ({ name }: { readonly name: string }) => name.includes(wanted);
const [httpRows, rows] = [HTTP_ROWS.filter(isWanted), ROWS.filter(isWanted)];
if (httpRows.length + rows.length === 0) {
  console.error(`no row is named like ${wanted}; there are:`);
  for (const { name } of [...HTTP_ROWS, ...ROWS]) console.error(`  ${name}`);
  process.exit(2);
}
if (httpRows.length > 0) assertWrk();

const program = process.env['NSQLOOKUPD_BIN'];
const originals = program === undefined ? [] : [basename(program)];
const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });
// Cut, not rounded: what is just short of its goal is not to look as if it met it.
const cut = (ratio: number) => (Math.trunc(ratio * 100) / 100).toFixed(2);
const print = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`);
const printHead = (head: readonly string[]) => {
  print(head);
  print(head.map(() => '---'));
};
let met = 0;

function judge(isMet: boolean): string {
  if (isMet) met++;
  return isMet ? 'met' : 'NOT MET';
}

function printHttp({ name, goals }: HttpRow, { ours, logged, bare, original }: HttpFigures): void {
  const all = [ours!, logged!, bare!, ...(original ? [original] : [])];
  const cpu = ours!.cpuMicrosPerRequest / bare!.cpuMicrosPerRequest;
  const rate = ours!.perSecond / bare!.perSecond;
  print([
    name,
    ...all.map((slice) => slice.cpuMicrosPerRequest.toFixed(1)),
    cut(cpu + 0.00999), // upwards: less is better
    `≤ ${goals.cpu} ${judge(cpu <= goals.cpu)}`,
    ...all.map((slice) => number(slice.perSecond)),
    cut(rate),
    `≥ ${goals.rate} ${judge(rate >= goals.rate)}`,
    all.map((slice) => number(slice.p99Ms)).join(' / '),
    all.map((slice) => `${(slice.serverShare * 100).toFixed(0)} : ${(slice.loadShare * 100).toFixed(0)}`).join(' / '),
  ]);
}

function printRow(row: Row, { ours, other, ratio }: Measured, real?: number): void {
  const { name, unit, goal, atMost } = row;
  const figure = (value?: number) => (value === undefined ? '–' : `${number(value)} ${unit}`);
  const judged = other === undefined ? number(ours) : cut(ratio);
  const isMet = atMost ? ratio <= goal : ratio >= goal;
  const cells = [name, figure(ours), figure(other), ...originals.map(() => figure(real)), judged];
  print([...cells, `${atMost ? '≤' : '≥'} ${number(goal)}`, judge(isMet)]);
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${new Date().toISOString()}\n`,
);
if (httpRows.length > 0) {
  const kinds = ['ours', 'logged', 'bare', ...originals];
  const each = (what: string) => kinds.map((kind) => `${kind}, ${what}`);
  const shares = 'server : wrk, % of a core';
  printHead(['work', ...each('µs'), 'ratio', 'goal', ...each('/s'), 'ratio', 'goal', 'p99, ms', shares]);
  for await (const [row, figures] of measureHttp(httpRows, program)) printHttp(row, figures);
  console.log();
}
if (rows.length > 0) printHead(['work', 'ours', 'bare', ...originals, 'judged', 'goal', '']);
for (const row of rows) {
  printRow(row, await row.run(), program === undefined ? undefined : await row.runReal?.(program));
}
console.log(`\n${met} of ${2 * httpRows.length + rows.length} goals met`);
