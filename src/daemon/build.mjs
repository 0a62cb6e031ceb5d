// Makes the command of what is compiled: a file with what every start needs, and one with what some do, which loads in their
// time alone. What both need stands in both: nothing of ours has a state that they would have to share.
import { join } from 'node:path';
import { build } from 'esbuild';

const LATER = './later.cjs';
const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  supported: { 'dynamic-import': false },
  external: ['smol-toml', 'prom-client', 'pprof-format', '@redis/client', 'ioredis'],
  logLevel: 'warning',
};

/** Our modules that are imported when they are needed. */
const later = new Set();
const leaveOut = {
  name: 'leave out what is loaded later',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      later.add(join(resolveDir, path));
      return { path: LATER, external: true };
    }),
};

const entryPoints = ['dist/esm/daemon/bin.js'];
await build({ ...common, entryPoints, plugins: [leaveOut], outfile: 'dist/command/nsqlookupd.cjs' });
const contents = [...later]
  .sort()
  .map((path) => `export * from ${JSON.stringify(path)};`)
  .join('\n');
await build({ ...common, stdin: { contents, resolveDir: '.' }, outfile: join('dist/command', LATER) });
