// Makes the command of what is compiled. Beside the file that is run there are three: what every start needs (`core.cjs`); what a start
// does not call, loaded half a second after it listens (`soon.cjs`), so that a new version in its place is no harm; and what few starts import
// (`later.cjs`). Both take from the first what it has, so that nothing has its state twice.
import { writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';

const SOURCES = resolve('build/esm');
const sourceOf = (name) => resolve(SOURCES, `${name}.js`);

/** Modules of functions that are not called before it listens, unless flags ask for it: then the first call loads them. */
const SOON = [
  'daemon/access-token-file',
  'daemon/load-soon',
  'daemon/own-metrics',
  'daemon/profile-answers',
  'daemon/tls-files',
  'daemon/tls-server',
  'feed/watching',
  'http/access-proxies',
  'http/access-tokens',
  'http/require-tls',
  'operate/findings-look',
  'operate/open-api',
  'page/document',
].map(sourceOf);
/** Those that are imported by `import()`. */
const later = new Set();

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  supported: { 'dynamic-import': false },
  external: ['smol-toml', 'prom-client', 'pprof-format', '@redis/client', 'ioredis'],
  logLevel: 'warning',
};

const leaveOut = {
  name: 'leave out what is loaded later',
  setup(plugin) {
    plugin.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind === 'require-call') return { path, external: true };
      if (kind !== 'dynamic-import') return undefined;
      later.add(resolve(resolveDir, path));
      return { path: './later.cjs', external: true };
    });
    plugin.onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (!SOON.includes(path)) return undefined;
      const stubs = Object.entries(await import(pathToFileURL(path))).map(([name, value]) => {
        if (typeof value !== 'function' || /^class\b/.test(value)) throw new Error(`${path}: ${name} is no function`);
        return `export function ${name}(...args) { return require('./soon.cjs').${name}(...args); }`;
      });
      return { contents: stubs.join('\n') };
    });
  },
};

/** Bundles all that those modules export but what is in the core, from which it is imported as `core:MODULE`. */
async function bundleWithout(core, modules) {
  const takeFromCore = {
    name: 'take from the core',
    setup(plugin) {
      plugin.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const resolved = resolve(resolveDir, path);
        if (modules.includes(resolved) || !core.has(resolved)) return undefined;
        return { path: resolved, namespace: 'core', sideEffects: false };
      });
      plugin.onResolve({ filter: /^core:/ }, ({ path }) => ({ path, external: true, sideEffects: false }));
      // Name by name: of `export *` from what is external nobody could tell what it takes.
      plugin.onLoad({ filter: /./, namespace: 'core' }, async ({ path }) => {
        const names = Object.keys(await import(pathToFileURL(path)));
        return { contents: `export { ${names.join(', ')} } from "core:${relative(SOURCES, path)}";` };
      });
    },
  };
  const contents = modules.map((path) => `export * from ${JSON.stringify(path)};`).join('\n');
  const stdin = { contents, resolveDir: SOURCES };
  const { outputFiles } = await build({ ...common, stdin, format: 'esm', plugins: [takeFromCore], write: false });
  return outputFiles[0].text;
}

const FROM_CORE = /^import \{([^}]*)\} from "core:([^"]*)";$/gm;
const idOf = (module, name) => `${module.replace(/\W/g, '_')}_${name}`;
const importsOf = (bundled) =>
  [...bundled.matchAll(FROM_CORE)].flatMap(([, names, module]) =>
    names.split(',').map((each) => {
      const [name, as = name] = each.trim().split(' as ');
      return { module, name, as };
    }),
  );

async function write(name, bundled) {
  const names = importsOf(bundled).map(({ module, name, as }) => `${idOf(module, name)}: ${as}`);
  const own = bundled.replace(FROM_CORE, '');
  if (own.includes('"core:')) throw new Error(`${name}: an import from the core that is not name by name`);
  const text = `const { ${names.join(', ')} } = require('./core.cjs').shared();\n${own}`;
  const { platform, target, supported } = common;
  const { code } = await transform(text, { format: 'cjs', platform, target, supported });
  writeFileSync(`dist/command/${name}`, code);
}

/** The core, with what those bundles import from it behind a function: exports, one by one, would be a tenth of the start. */
function bundleCore(bundles, options) {
  const shared = new Map(bundles.flatMap(importsOf).map((each) => [idOf(each.module, each.name), each]));
  const imports = [...shared].map(
    ([id, { module, name }]) => `import { ${name} as ${id} } from ${JSON.stringify(resolve(SOURCES, module))};`,
  );
  const contents = [
    `export { runCommand } from ${JSON.stringify(sourceOf('daemon/command'))};`,
    ...imports.sort(),
    `export const shared = () => ({ ${[...shared.keys()].sort().join(', ')} });`,
  ].join('\n');
  const stdin = { contents, resolveDir: SOURCES };
  return build({ ...common, ...options, stdin, format: 'cjs', plugins: [leaveOut], metafile: true });
}

const { metafile } = await bundleCore([], { write: false });
const [{ inputs }] = Object.values(metafile.outputs);
/** Of others it has a constant or two, which may stand twice. */
const isTaken = (path) => inputs[path].bytesInOutput > metafile.inputs[path].bytes / 8;
const core = new Set(Object.keys(inputs).flatMap((path) => (isTaken(path) ? [resolve(path)] : [])));
const soon = await bundleWithout(core, SOON);
const rest = await bundleWithout(core, [...later].sort());
await bundleCore([soon, rest], { outfile: 'dist/command/core.cjs' });
await write('soon.cjs', soon);
await write('later.cjs', rest);
const run = {
  name: 'run the core',
  setup: ({ onResolve }) => onResolve({ filter: /^\./ }, () => ({ path: './core.cjs', external: true })),
};
const entryPoints = [sourceOf('daemon/bin')];
await build({ ...common, entryPoints, format: 'cjs', plugins: [run], outfile: 'dist/command/nsqlookupd.cjs' });
