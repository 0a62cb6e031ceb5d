// Makes the command of what is compiled, in three files: what every start needs (`nsqlookupd.cjs`, the core, which is run); what a start
// does not call, loaded half a second after it listens (`soon.cjs`), so that a new version in its place is no harm; and what few starts import
// (`later.cjs`). Both take from the first what it has, so that nothing has its state twice.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, transform } from 'esbuild';

const SOURCES = resolve('build/esm');
const sourceOf = (name) => resolve(SOURCES, `${name}.js`);

/** Modules of functions that are not called before it listens, unless flags ask for it: then the first call loads them. */
const SOON = [
  'base/networks',
  'daemon/access-token-file',
  'daemon/load-soon',
  'daemon/own-metrics',
  'daemon/profile-answers',
  'daemon/tls-files',
  'daemon/tls-server',
  'feed/watching',
  'http/access',
  'http/access-log',
  'http/access-proxies',
  'http/access-tokens',
  'http/require-tls',
  'http/route-descriptions',
  'operate/findings-look',
  'operate/open-api',
  'page/document',
  'tcp/admission',
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
        return `export function ${name}(...args) { return (soon ??= require('./soon.cjs')).${name}(...args); }`;
      });
      return { contents: `let soon;\n${stubs.join('\n')}` };
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
const importsOf = (bundled) =>
  [...bundled.matchAll(FROM_CORE)].flatMap(([, names, module]) =>
    names.split(',').map((each) => {
      const [name, as = name] = each.trim().split(' as ');
      return { module, name, as };
    }),
  );

/** What those bundles import from the core, by an id: its name, with that of its module where another has the same. */
function toShared(bundles) {
  const shared = new Map();
  for (const each of bundles.flatMap(importsOf)) {
    const { module, name } = each;
    const other = shared.get(name);
    const isOther = other !== undefined && other.module !== module;
    shared.set(isOther ? `${name}_of_${module.replace(/\W/g, '_')}` : name, each);
  }
  return shared;
}

async function write(name, bundled, shared) {
  const idOf = (each) => [...shared].find(([, { module, name }]) => module === each.module && name === each.name)[0];
  const names = importsOf(bundled).map((each) => `${idOf(each)}: ${each.as}`);
  const own = bundled.replace(FROM_CORE, '');
  if (own.includes('"core:')) throw new Error(`${name}: an import from the core that is not name by name`);
  // The core, which requires this, by its name would be run once more where that is not what its file is called.
  const core = `module.parent?.exports.shared ? module.parent.exports : require('./nsqlookupd.cjs')`;
  const text = `const { ${names.join(', ')} } = (${core}).shared();\n${own}`;
  const { platform, target, supported } = common;
  const { code } = await transform(text, { format: 'cjs', platform, target, supported });
  writeFileSync(`dist/command/${name}`, code);
}

/** The core, with what those bundles import from it behind a function: exports, one by one, would be a tenth of the start. */
async function bundleCore(shared) {
  const imports = [...shared].map(
    ([id, { module, name }]) => `import { ${name} as ${id} } from ${JSON.stringify(resolve(SOURCES, module))};`,
  );
  const contents = [
    readFileSync(sourceOf('daemon/bin'), 'utf8'),
    ...imports.sort(),
    `export function shared() { return { ${[...shared.keys()].sort().join(', ')} }; }`,
  ].join('\n');
  const stdin = { contents, resolveDir: resolve(SOURCES, 'daemon') };
  return build({ ...common, stdin, format: 'cjs', plugins: [leaveOut], metafile: true, write: false });
}

const { metafile } = await bundleCore(new Map());
const [{ inputs }] = Object.values(metafile.outputs);
/** Of others it has a constant or two, which may stand twice. */
const isTaken = (path) => inputs[path].bytesInOutput > metafile.inputs[path].bytes / 8;
const inCore = new Set(Object.keys(inputs).flatMap((path) => (isTaken(path) ? [resolve(path)] : [])));
const soon = await bundleWithout(inCore, SOON);
const rest = await bundleWithout(inCore, [...later].sort());
const shared = toShared([soon, rest]);
const [core] = (await bundleCore(shared)).outputFiles;
// One character that is not ASCII, and Node would make two bytes of each.
const toAscii = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
rmSync('dist/command', { recursive: true, force: true });
mkdirSync('dist/command', { recursive: true });
writeFileSync('dist/command/nsqlookupd.cjs', core.text.replace(/[^\0-\x7f]/g, toAscii), { mode: 0o755 });
await write('soon.cjs', soon, shared);
await write('later.cjs', rest, shared);
