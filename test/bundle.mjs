// Makes one file of each module, as ES modules and as CommonJS: an import costs as much as there are files to find and read.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { build, transform } from 'esbuild';

/** File by file, as the compiler wrote them. */
const SOURCES = resolve('build/esm');
const RECORDED = 'recorded.js';

/** A file of its own stays what only Node can load, and what the build writes once for both kinds. */
const isApart = (name) => name.startsWith('node-') || name === RECORDED;
const namesIn = (folder) => readdirSync(folder).filter((name) => name.endsWith('.js'));

/** esbuild keeps no comments but those that begin like this. */
const KEPT = '!@kept';
const markComments = (text) => text.replace(/^( *)(\/\*(?=\*)|\/\/)/gm, `$1$2${KEPT}`);

/** esbuild makes `var Word = class _Word` of a class that names itself, and that is what logs and stacks would say. */
const nameClasses = (text) =>
  [...text.matchAll(/^var (\w+) = class _\1\b/gm)].reduce(
    (named, [made, name]) =>
      named.replace(made, `class ${name}`).replace(new RegExp(`(?<![.\\w$])_${name}(?![\\w$])`, 'g'), name),
    text,
  );

const common = { charset: 'utf8', legalComments: 'inline', logLevel: 'warning' };
const commonJs = { ...common, format: 'cjs', platform: 'node', supported: { 'dynamic-import': false } };
const bundling = {
  ...common,
  absWorkingDir: SOURCES,
  outdir: SOURCES,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  external: ['node:*'],
  packages: 'external',
  write: false,
};

/**
 * Bundles what a module exports as `index.js`; what its functions import when they are called as `later.js`, and what both have as
 * `core.js`. It imports those of other modules. `base` has no index: it exports all.
 */
async function bundle(module) {
  const folder = join(SOURCES, module);
  const names = namesIn(folder);
  const exported = { index: names.filter((name) => !isApart(name)), later: new Set() };
  const plugin = {
    name: 'one file a module',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^all:/ }, ({ path }) => ({ path: path.slice('all:'.length), namespace: 'all' }));
      onLoad({ filter: /./, namespace: 'all' }, ({ path }) => ({
        contents: [...exported[path]].map((name) => `export * from './${name}';`).join('\n'),
        resolveDir: folder,
      }));
      onLoad({ filter: /\.js$/ }, ({ path }) => ({ contents: markComments(readFileSync(path, 'utf8')) }));
      onResolve({ filter: /^\./ }, ({ importer, kind, path, resolveDir }) => {
        const target = resolve(resolveDir, path);
        const [other] = relative(SOURCES, target).split(sep);
        const isOwn = other === module;
        const external = (name) => ({ path: `${isOwn ? '.' : `../${other}`}/${name}`, external: true });
        const isOutside = (file) => isApart(basename(file)) && basename(dirname(file)) === other;
        if (isOutside(target)) return external(basename(target));
        if (!isOwn || isOutside(importer)) return external('index.js');
        if (kind !== 'dynamic-import') return undefined;
        exported.later.add(relative(folder, target));
        return external('later.js');
      });
    },
  };
  const make = async (entries) => {
    const entryPoints = Object.entries(entries).map(([name, path]) => ({ in: path, out: `${module}/${name}` }));
    return (await build({ ...bundling, plugins: [plugin], chunkNames: `${module}/core`, entryPoints })).outputFiles;
  };
  const index = names.includes('index.js') ? join(folder, 'index.js') : 'all:index';
  let made = await make({ index });
  // What is imported when it is called may do so, too.
  for (let known = 0; known < exported.later.size;) {
    known = exported.later.size;
    made = await make({ index, later: 'all:later' });
  }
  const apart = names.filter((name) => isApart(name) && name !== RECORDED);
  const alone = await Promise.all(apart.map((name) => make({ [basename(name, '.js')]: join(folder, name) })));
  return [...made, ...alone.flat()];
}

/** Writes dist/ but for the types of ES modules, which are there, and takes away what is of no source any more. */
export async function bundleModules() {
  const folders = readdirSync(SOURCES, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const modules = folders.map(({ name }) => name).filter((name) => namesIn(join(SOURCES, name)).length > 0);
  const bundled = (await Promise.all(modules.map(bundle))).flat();
  const texts = bundled.map(({ path, text }) => [relative(SOURCES, path), nameClasses(text)]);
  for (const name of namesIn(SOURCES)) texts.push([name, markComments(readFileSync(join(SOURCES, name), 'utf8'))]);
  for (const [path, text] of texts) {
    write(`dist/esm/${path}`, text);
    write(`dist/cjs/${path}`, (await transform(text, { ...commonJs, sourcefile: path })).code);
  }
  const types = filesIn('dist/esm').filter((path) => path.endsWith('.d.ts'));
  for (const path of types) write(`dist/cjs/${path}`, readFileSync(join('dist/esm', path)));
  const made = new Set([...texts.map(([path]) => path), ...types]);
  for (const kind of ['dist/esm', 'dist/cjs']) {
    for (const path of filesIn(kind)) {
      if (/\.[jt]s$/.test(path) && basename(path) !== RECORDED && !made.has(path)) rmSync(join(kind, path));
    }
  }
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' });
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, String(text).replaceAll(KEPT, ''));
}
