// Installs the test runners, and the package as npm packs it, into this folder, and runs each runner's tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

function run(cwd, command, ...args) {
  console.log(`> ${command} ${args.join(' ')}`);
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
  return status === 0;
}

// The guide's tests are run as they stand there.
const guide = readFileSync(join(root, 'docs/unit-tests.md'), 'utf8');
for (const runner of ['jest', 'vitest']) {
  const [, code] = new RegExp(`^\`\`\`js ${runner}\\n([^]*?)^\`\`\`$`, 'm').exec(guide);
  writeFileSync(join(here, `guide.${runner}.test.js`), code);
}

const packed = mkdtempSync(join(tmpdir(), 'nsqlookupd-runners-'));
try {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const tarball = join(packed, `nsqlookupd-${version}.tgz`);
  rmSync(join(here, 'node_modules/nsqlookupd'), { recursive: true, force: true });
  const installed =
    // Without its scripts: the package was built just now.
    run(root, 'npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', packed) &&
    // `--no-save` installs what the lock file says and leaves that as it is. Not `npm ci`: that fails wherever the
    // registry lacks a runner's native module for some other platform. Without scripts, nothing builds itself.
    run(
      here,
      'npm',
      'install',
      '--no-save',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefer-offline',
      tarball,
    );
  // One runner's failure does not hide the other's.
  if (installed) {
    run(here, join(here, 'node_modules/.bin/jest'));
    run(here, join(here, 'node_modules/.bin/vitest'), 'run');
  }
} finally {
  rmSync(packed, { recursive: true, force: true });
}
