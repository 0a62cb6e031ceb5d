// All that publishing needs, short of publishing: `npm run release:check`, or with `-- --fast` without the long tests.
// Stops at the first step that fails. What is only missing words is told at the end, and is a failure too.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { missingWords } from './missing-words.mjs';

const { fast } = parseArgs({ options: { fast: { type: 'boolean', default: false } } }).values;
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const packed = mkdtempSync(join(tmpdir(), 'nsqlookupd-release-'));
const tarball = join(packed, `${manifest.name}-${manifest.version}.tgz`);

const PACKED_TESTS = ['package', 'packed'].map((name) => `build/test/${name}.test.js`);

/** Every test runs, as in CI. */
const ENV = { ...process.env, CI: 'true' };

function run(command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: ENV,
  });
  return { ok: status === 0, stdout, output: error ? String(error) : `${stdout}${stderr}` };
}

const steps = {
  'the working tree is clean': () => {
    const { ok, stdout, output } = run('git', 'status', '--porcelain');
    return { ok: ok && stdout === '', output };
  },
  'the lock file is in step': () => run('npm', 'ci', '--dry-run', '--ignore-scripts', '--no-audit'),
  'no dependency has a known fault': () => {
    const { ok, stdout, output } = run('npm', 'audit', '--omit=dev', '--json');
    // Who has no network hears nothing about faults, which is no fault.
    return ok || stdout.includes('"auditReportVersion"')
      ? { ok, output }
      : { ok: true, warning: 'npm audit: no answer' };
  },
  'the package builds': () => run('npm', 'run', 'prepack'),
  'the tests compile': () => run('npx', 'tsc', '-p', 'test/tsconfig.json'),
  lint: () => run('npm', 'run', 'lint'),
  'npm pack': () => run('npm', 'pack', '--pack-destination', packed),
  'publint --strict': () => run('npx', 'publint', '--strict', tarball),
  'attw, node10 included': () => run('npx', 'attw', '--profile', 'strict', tarball),
  'nsqlookupd/registry is small': () => {
    const pattern = '--test-name-pattern=nsqlookupd/registry is small';
    const { ok, output } = run('node', '--test', '--test-reporter=tap', pattern, 'build/test/packed.test.js');
    const note = /^ *# (nsqlookupd\/registry: .*)$/m.exec(output)?.[1];
    return { ok: ok && note !== undefined, output, note };
  },
  // The package was built above: without `pretest`.
  ...(fast
    ? { 'the tests of the packed package': () => run('node', '--test', ...PACKED_TESTS) }
    : {
        'all tests': () => run('npm', 'test', '--ignore-scripts'),
        'under other test runners': () => run('node', 'test/runners/run.mjs'),
      }),
  'npm publish --dry-run': () => run('npm', 'publish', '--dry-run'),
};

try {
  const failed = Object.entries(steps).find(([name, step]) => {
    process.stdout.write(`${name} … `);
    const startMs = performance.now();
    const { ok, output, note, warning } = step();
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
    console.log(`${warning ? `not known (${warning})` : ok ? 'ok' : 'failed'}, ${seconds} s${note ? `: ${note}` : ''}`);
    if (!ok) console.error(`\n${output}`);
    return !ok;
  });

  const missing = missingWords(manifest, readFileSync('CHANGELOG.md', 'utf8'));
  for (const words of missing) console.log(`missing: ${words}`);
  if (failed || missing.length > 0) process.exitCode = 1;
  else console.log(`\n${manifest.name} ${manifest.version} can be published.`);
  if (manifest.publishConfig?.provenance && !failed) {
    console.log('npm makes a provenance in CI alone (`id-token: write`); elsewhere: npm publish --no-provenance.');
  }
  if (fast) console.log('With --fast, most tests were left out.');
} finally {
  rmSync(packed, { recursive: true, force: true });
}
