// `npm run quick`: what has changed is compiled, and every test runs that needs neither long, nor the package packed, nor
// another process.
import { compile, writeData } from './build.mjs';
import { bundleModules } from './bundle.mjs';
import { known, NAMES, run } from './run.mjs';

/** What packs, installs, compiles or documents the package, starts processes, or takes seconds: for `npm test`. */
const WHOLE = known([
  'access-daemon',
  'api-report',
  'build',
  'client-daemon',
  'clients',
  'command',
  'conformance-command',
  'deploy',
  'deploy-monitoring',
  'docs',
  'embedding-faults',
  'examples',
  'file-store',
  'hostile-clients',
  'migration',
  'operate-discovery',
  'operate-health',
  'operate-metrics',
  'operate-openapi',
  'package',
  'packed',
  'profiles',
  'resources',
  'restart-command',
  'settings',
  'shared-processes',
  'shared-redis',
  'shared-redis-hostile',
  'shared-redis-kinds',
  'shutdown',
  'subcommands',
  'tls',
  'types',
  'union-command',
  'watch-hosts',
  'worker-faults',
]);

compile('tsconfig.json').write();
await writeData();
await bundleModules();
compile('test/tsconfig.json').write();
run(NAMES.filter((name) => !WHOLE.includes(name)));
