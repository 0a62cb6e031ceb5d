/**
 * `npm run test:runtimes`: the tests of registry, protocol, session and handlers on other runtimes; and the package
 * inside workerd. `npm run test:runtimes -- bun deno` runs those. Exit code 1 when anything fails.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readReport, type Case } from './junit.js';
import { FILES, NOT_HERE, RUNTIMES, unlisted, type Runtime } from './runtimes.js';

const PROGRAMS = 'test/runtimes/programs';
const REPORTS = 'build/runtimes';
const PLATFORM = 'linux-x64';
const TIMEOUT_MS = 5 * 60_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const LAST_LINES = 40;

interface Result {
  readonly runtime: Runtime;
  readonly version: string;
  readonly cases: readonly Case[];
  readonly problems: readonly string[];
  readonly seconds: number;
}

function toRuntimes(names: readonly string[]): readonly Runtime[] {
  const unknown = names.filter((name) => !RUNTIMES.some(({ id }) => id === name));
  if (unknown.length > 0) {
    console.error(`no such runtime: ${unknown.join(', ')}; there are ${RUNTIMES.map(({ id }) => id).join(', ')}`);
    process.exit(2);
  }
  if (names.length === 0) return RUNTIMES;
  const isCompared = RUNTIMES.some(({ id, own }) => names.includes(id) && !own);
  return RUNTIMES.filter(({ id }, i) => names.includes(id) || (i === 0 && isCompared));
}

/** Every test file is run, or has a reason not to be. */
function checkFiles(): void {
  const files = readdirSync('build/test').filter((name) => name.endsWith('.test.js'));
  const differ = unlisted(files.map((name) => basename(name, '.test.js')));
  if (differ.length === 0) return;
  console.error(`test/runtimes/runtimes.ts and the test files do not agree about ${differ.join(', ')}`);
  process.exit(1);
}

/** Installs the programs, unless those of this lock are there. */
function install(): void {
  const installed = join(PROGRAMS, 'node_modules/.package-lock.json');
  const lock = join(PROGRAMS, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  console.log(`installing the programs into ${PROGRAMS} …`);
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', args, { cwd: PROGRAMS, stdio: 'inherit' });
}

function pathOf(program: string): string {
  return join(PROGRAMS, 'node_modules', program);
}

function run(runtime: Runtime, reference: Result | undefined): Result {
  const { id, program, versionOf = program, args, env, cannot, differs = {}, own } = runtime;
  const files = own ?? FILES.filter((name) => !(name in cannot));
  const report = join(REPORTS, `${id}.xml`);
  rmSync(report, { force: true });
  const began = performance.now();
  const paths = files.map((name) => `build/test/${name}.test.js`);
  const child = spawnSync(pathOf(program), args(paths, report), {
    env: { ...process.env, ...env, NO_COLOR: '1' },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const seconds = (performance.now() - began) / 1000;
  const cases = existsSync(report) ? readReport(readFileSync(report, 'utf8')) : [];
  const expected = own || !reference ? [] : reference.cases.filter(({ file }) => files.includes(nameOf(file)));
  const problems = findProblems(cases, expected, Object.keys(differs));
  if (problems.length === 0 && child.status !== 0 && Object.keys(differs).length === 0) {
    problems.push(`ended with ${child.error?.message ?? child.signal ?? child.status}`);
  }
  if (problems.length > 0) console.log([child.stdout, child.stderr].map(lastLines).join(''));
  const version = execFileSync(pathOf(versionOf), ['--version'], { encoding: 'utf8' });
  return { runtime, version: /\d+(?:[-.]\d+)+/.exec(version)?.[0] ?? version.trim(), cases, problems, seconds };
}

function nameOf(file: string): string {
  return basename(file, '.test.js');
}

function findProblems(cases: readonly Case[], expected: readonly Case[], differing: readonly string[]): string[] {
  const differs = ({ name }: Case) => differing.some((part) => name.endsWith(part));
  const problems = cases
    .filter((each) => (each.outcome === 'passed') === differs(each))
    .map(({ name, outcome, message }) => [`${outcome}: ${name}`, message].filter(Boolean).join('\n    '));
  const names = new Set(cases.map(({ name }) => name));
  for (const { name } of expected) if (!names.has(name)) problems.push(`did not run: ${name}`);
  if (cases.length === 0) problems.push('no test was reported');
  return problems;
}

function lastLines(text: string): string {
  return text.split('\n').slice(-LAST_LINES).join('\n');
}

function count(cases: readonly Case[], wanted: Case['outcome']): number {
  return cases.filter(({ outcome }) => outcome === wanted).length;
}

function tell({ runtime, version, cases, problems, seconds }: Result): void {
  const counts = `${count(cases, 'passed')} passed, ${count(cases, 'failed')} failed`;
  console.log(`${runtime.id} ${version}: ${counts}, ${seconds.toFixed(1)} s`);
  for (const [file, reason] of Object.entries(runtime.cannot)) console.log(`  not ${file}: ${reason}`);
  for (const [name, reason] of Object.entries(runtime.differs ?? {})) console.log(`  differs: ${name}: ${reason}`);
  for (const problem of problems) console.log(`  ${problem}`);
}

function printTable(results: readonly Result[]): void {
  const rows = results.map(({ runtime, version, cases, problems, seconds }) => [
    runtime.id,
    version,
    String(count(cases, 'passed')),
    String(count(cases, 'failed')),
    seconds.toFixed(1),
    problems.length === 0 ? 'ok' : 'NOT OK',
  ]);
  const table = [['runtime', 'version', 'passed', 'failed', 'seconds', ''], ...rows];
  const widths = table[0]!.map((_, i) => Math.max(...table.map((row) => row[i]!.length)));
  console.log();
  for (const row of table)
    console.log(
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    );
}

const runtimes = toRuntimes(process.argv.slice(2));
if (`${process.platform}-${process.arch}` !== PLATFORM) {
  console.error(`test:runtimes is for ${PLATFORM}: ${PROGRAMS}/package.json names the programs for no other`);
  process.exit(2);
}
checkFiles();
install();
mkdirSync(REPORTS, { recursive: true });
for (const [file, reason] of Object.entries(NOT_HERE)) console.log(`not ${file}: ${reason}`);
const results: Result[] = [];
for (const runtime of runtimes) {
  const result = run(runtime, results[0]);
  results.push(result);
  tell(result);
}
printTable(results);
process.exitCode = results.some(({ problems }) => problems.length > 0) ? 1 : 0;
