/** `npm run bench`, or `npm run bench -- NAME` for the rows whose name has NAME in it. */
import { cpus } from 'node:os';
import { ROWS, type Measured, type Row } from './rows.js';

const wanted = process.argv[2] ?? '';
const rows = ROWS.filter(({ name }) => name.includes(wanted));
if (rows.length === 0) {
  console.error(`no row is named like ${wanted}; there are:\n${ROWS.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

const number = (value: number) => value.toLocaleString('en-US', { maximumFractionDigits: value < 10 ? 2 : 0 });

function line({ name, unit, goal, atMost }: Row, { ours, other, ratio }: Measured): string {
  const met = atMost ? ratio <= goal : ratio >= goal;
  const cells = [name, `${number(ours)} ${unit}`, other === undefined ? '–' : `${number(other)} ${unit}`];
  const judged = other === undefined ? number(ours) : ratio.toFixed(2);
  return `| ${[...cells, judged, `${atMost ? '≤' : '≥'} ${number(goal)}`, met ? 'met' : 'NOT MET'].join(' | ')} |`;
}

console.log(
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}, ${new Date().toISOString()}\n`,
);
console.log('| work | ours | other | figure or ratio | goal | |');
console.log('| --- | --- | --- | --- | --- | --- |');
let missed = 0;
for (const row of rows) {
  process.stderr.write(`${row.name} …\r`);
  const measured = await row.run();
  const text = line(row, measured);
  if (text.includes('NOT MET')) missed++;
  console.log(text);
}
console.log(`\n${rows.length - missed} of ${rows.length} met`);
