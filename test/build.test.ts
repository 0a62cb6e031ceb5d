import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

interface Build {
  readonly compile: (configFile: string) => { readonly affected: readonly string[]; readonly write: () => void };
  readonly writeCommonJs: () => void;
  readonly writeData: () => Promise<void>;
}

/** Longer ago than anything was made. */
const LONG_AGO = new Date('2020-01-01');
const OPTIONS = {
  target: 'ES2022',
  lib: ['es5'], // enough here, and soon read
  skipLibCheck: true,
  module: 'nodenext',
  types: [],
  rootDir: 'src',
  outDir: 'dist/esm',
  declaration: true,
};
const COMMON_JS = { module: 'commonjs', moduleResolution: 'bundler', outDir: 'dist/cjs', noCheck: true };

const scripts = resolve('test');
const home = process.cwd();
const load = async <T>(name: string) => (await import(`${pathToFileURL(scripts).href}/${name}`)) as T;

function write(path: string, content: unknown, writtenAt = new Date()): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  utimesSync(path, writtenAt, writtenAt);
}

const made = (name: string) => ['esm', 'cjs'].map((kind) => readFileSync(`dist/${kind}/${name}`, 'utf8'));

describe('what has changed is built anew', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-build-'));
  let builder: Build;

  const build = () => {
    const sources = builder.compile('tsconfig.json');
    sources.write();
    builder.writeCommonJs();
    return sources.affected.filter((name) => name.startsWith('src'));
  };

  before(async () => {
    process.chdir(folder); // first, as the compiler asks once where it is
    write('package.json', { type: 'module', version: '1.2.3' });
    write('package-lock.json', {});
    write('eslint.config.js', '');
    write('tsconfig.json', { compilerOptions: OPTIONS, include: ['src'] });
    write('tsconfig.cjs.json', { extends: './tsconfig.json', compilerOptions: COMMON_JS });
    write('node_modules/other/package.json', { types: 'index.d.ts' });
    write('node_modules/other/index.d.ts', 'export type Other = string;');
    write('node_modules/.package-lock.json', {}, LONG_AGO);
    write('src/text.ts', `export const text = 'first';`);
    write('src/gone.ts', 'export const gone = true;');
    write('src/uses.ts', `import type { Other } from 'other';\nexport const use = (other?: Other) => other?.length;`);
    builder = await load<Build>('build.mjs');
    assert.equal(build().length, 3);
  });

  after(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  test('nothing, where nothing has', () => {
    assert.deepEqual(build(), []);
  });

  test('a source that was written before what was made of it', () => {
    write('src/text.ts', `export const text = 'second';`, LONG_AGO);
    build();
    for (const text of made('text.js')) assert.match(text, /second/);
    for (const types of made('text.d.ts')) assert.match(types, /second/);
  });

  test('all, with other settings of CommonJS', () => {
    write('tsconfig.cjs.json', { extends: './tsconfig.json', compilerOptions: { ...COMMON_JS, target: 'ES2019' } });
    build();
    const [module = '', commonJs = ''] = made('uses.js');
    assert.match(module, /\?\./);
    assert.doesNotMatch(commonJs, /\?\./);
  });

  test('what is not there any more', () => {
    rmSync('dist/cjs/text.js');
    build();
    assert.equal(made('text.js').length, 2);
  });

  test('what imports a package that was installed anew, whatever the lock says', async () => {
    builder = await load<Build>('build.mjs?again'); // one process reads a package once
    write('node_modules/other/index.d.ts', 'export type Other = Uint8Array;');
    write('node_modules/.package-lock.json', {});
    assert.deepEqual(build(), ['src/uses.ts']);
  });

  test('nothing is left of a source that was taken away', () => {
    rmSync('src/gone.ts');
    build();
    assert.throws(() => made('gone.js'), /ENOENT.*esm/);
    assert.throws(() => readFileSync('dist/cjs/gone.d.ts'), /ENOENT/);
  });

  test('what both builds read, of which ES modules have no copy, is read where CommonJS was never built', async () => {
    rmSync('dist/cjs', { recursive: true });
    write('test/data/recorded.json', { scenarios: [] });
    await builder.writeData();
    const { href } = pathToFileURL('dist/esm/conformance/recorded.js');
    assert.deepEqual(((await import(href)) as { readonly RECORDED: unknown }).RECORDED, { scenarios: [] });
  });
});

test('a test file that is named, and is not there, is noticed', async () => {
  const { known } = await load<{ known: (names: readonly string[]) => readonly string[] }>('run.mjs');
  assert.deepEqual(known(['build', 'docs']), ['build', 'docs']);
  assert.throws(() => known(['docs', 'no-such']), /^Error: there is no test\/no-such\.test\.ts$/);
});
