// `npm test`: runs the compiled test files, two processes at a time.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The names of all test files. */
export const NAMES = readdirSync('test')
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => name.replace('.test.ts', ''));

/** Those names again. Throws an error for one without a file. */
export function known(names) {
  for (const name of names) if (!NAMES.includes(name)) throw new Error(`there is no test/${name}.test.ts`);
  return names;
}

/** What does well in one process, as starting one for each would cost as much as what they test. */
const TOGETHER = [
  known([
    'answer-cache',
    'client',
    'client-faults',
    'client-fuzz',
    'client-garbage',
    'client-leaks',
    'client-misuse',
    'client-refusals',
    'client-urls',
    'client-watch',
    'conformance-memory',
    'duration',
    'feed',
    'fetch-status',
    'findings',
    'modules',
    'page',
    'pages',
    'registration-db',
    'registration-db-reentrant',
    'shared',
    'shared-faults',
    'topology',
    'union',
    'union-faults',
    'warm-restart',
    'zones',
  ]),
  known([
    'access',
    'adapter-faults',
    'captures',
    'daemon',
    'fast-path',
    'hono-middlewares',
    'host-faults',
    'hostile-peers',
    'hosts',
    'http-handler',
    'http-misuse',
    'message-stream',
    'operate-health',
    'protocol',
    'router',
    'slices',
    'slow-clients',
    'tcp-handler',
    'testing',
    'transports',
    'session',
    'turns',
    'watch',
    'watch-daemon',
  ]),
  known([
    'api-report',
    'conformance-command',
    'deploy',
    'deploy-monitoring',
    'docs',
    'examples',
    'package',
    'settings',
    'types',
    'worker-faults',
  ]),
  known([
    'access-daemon',
    'client-daemon',
    'command',
    'embedding-faults',
    'operate-discovery',
    'operate-metrics',
    'operate-openapi',
    'restart-command',
    'shutdown',
    'subcommands',
    'union-command',
    'watch-hosts',
  ]),
];

/** Runs those, and ends this process with what came of it. */
export function run(names) {
  const groups = TOGETHER.map((group) => group.filter((name) => names.includes(name)));
  mkdirSync('build/state', { recursive: true });
  const together = groups.map((group, i) => {
    const path = `build/state/together-${i}.mjs`;
    writeFileSync(path, group.map((name) => `import '../test/${name}.test.js';\n`).join(''));
    return path;
  });
  const alone = names.filter((name) => !groups.flat().includes(name)).map((name) => `build/test/${name}.test.js`);
  const args = ['--expose-gc', '--test', '--test-concurrency=2', ...together, ...alone];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) run(NAMES);
