// `npm run quick`: what has changed is compiled, and every test runs that needs neither the package packed nor the command.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';

/** What packs, installs, compiles or documents the package, or starts processes: for `npm test`. */
const WHOLE = [
  'access-daemon',
  'api-report',
  'client-daemon',
  'command',
  'conformance-command',
  'docs',
  'examples',
  'file-store',
  'package',
  'packed',
  'resources',
  'restart-command',
  'settings',
  'tls',
  'types',
];

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

function compile(project, name) {
  const info = `build/quick/${name}.tsbuildinfo`;
  run('node_modules/typescript/bin/tsc', '-p', project, '--incremental', '--tsBuildInfoFile', info);
}

compile('tsconfig.json', 'src');
if (!existsSync('dist/cjs/conformance/recorded.js')) {
  mkdirSync('dist/cjs/conformance', { recursive: true });
  spawnSync('npm', ['run', '--silent', 'build:data'], { stdio: 'inherit', shell: process.platform === 'win32' });
}
run('src/page/browser/build.mjs');
compile('test/tsconfig.json', 'test');
const files = readdirSync('test')
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace(/\.test\.ts$/, ''));
run(
  '--expose-gc',
  '--test',
  '--test-concurrency=2',
  ...files.filter((name) => !WHOLE.includes(name)).map((name) => `build/test/${name}.test.js`),
);
