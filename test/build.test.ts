import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

interface Build {
  readonly compile: (configFile: string) => { readonly affected: readonly string[]; readonly write: () => void };
  readonly bundleModules: () => Promise<void>;
  readonly writeData: () => Promise<void>;
}

/** Longer ago than anything was made. */
const LONG_AGO = new Date('2020-01-01');
const OPTIONS = {
  target: 'ES2022',
  lib: ['es2015'], // enough here, and soon read
  skipLibCheck: true,
  module: 'nodenext',
  types: [],
  rootDir: 'src',
  outDir: 'build/esm',
  declaration: true,
  declarationDir: 'dist/esm',
};

const scripts = resolve('test');
const home = process.cwd();
const load = async <T>(name: string) => (await import(`${pathToFileURL(scripts).href}/${name}`)) as T;

function write(path: string, content: unknown, writtenAt = new Date()): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  utimesSync(path, writtenAt, writtenAt);
}

const made = (name: string) => ['esm', 'cjs'].map((kind) => readFileSync(`dist/${kind}/${name}`, 'utf8'));
const imported = async (name: string) =>
  (await import(`${pathToFileURL(`dist/esm/${name}`).href}?${Date.now()}`)) as Record<string, unknown>;

interface Words {
  readonly Word: new () => object;
  readonly speak: () => Promise<{ readonly end: () => Promise<string> }>;
}

const SOURCES = {
  'index.ts': `export * from './words/index.js';`,
  'base/text.ts': `export const text = 'first';\nexport const known = new Map();`,
  'base/gone.ts': 'export const gone = true;',
  'base/node-read.ts': `import { text } from './text.js';\nexport const read = () => text;`,
  'words/index.ts': `export { speak, Word } from './word.js';`,
  'words/word.ts': `import type { Other } from 'other';
    import { text } from '../base/text.js';
    import { read } from '../base/node-read.js';
    /** What is said. */
    export class Word { readonly text = text; readonly more = read(); }
    export const KNOWN = new Map([[new Word(), 1]]);
    export async function speak(other?: Other) {
      // later
      const { Speech } = await import('./speech.js');
      return other ?? new Speech();
    }`,
  'words/speech.ts': `import { Word } from './word.js';
    export class Speech extends Word {
      static readonly first = new Speech();
      end = async () => (await import('./end.js')).END;
    }`,
  'words/end.ts': `export const END = '.';`,
  'silent/index.ts': 'export {};',
};

describe('dist/', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-build-'));
  let builder: Build;

  const build = async () => {
    const sources = builder.compile('tsconfig.json');
    sources.write();
    await builder.bundleModules();
    return sources.affected.filter((name) => name.startsWith('src'));
  };

  before(async () => {
    process.chdir(folder); // first, as the compiler asks once where it is
    write('package.json', { type: 'module', version: '1.2.3' });
    write('package-lock.json', {});
    write('eslint.config.js', '');
    write('tsconfig.json', { compilerOptions: OPTIONS, include: ['src'] });
    write('node_modules/other/package.json', { types: 'index.d.ts' });
    write('node_modules/other/index.d.ts', 'export type Other = string;');
    write('node_modules/.package-lock.json', {}, LONG_AGO);
    for (const [name, text] of Object.entries(SOURCES)) write(`src/${name}`, text);
    write('dist/cjs/package.json', { type: 'commonjs' });
    builder = { ...(await load<Build>('build.mjs')), ...(await load<Build>('bundle.mjs')) };
    assert.equal((await build()).length, Object.keys(SOURCES).length);
  });

  after(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  test('is compiled anew of nothing, where nothing has changed', async () => {
    assert.deepEqual(await build(), []);
  });

  test('has one file of a module, one of what that imports when it is called, and one of what both have', () => {
    const names = readdirSync('dist/esm', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
    const words = ['core', 'index', 'later'].map((name) => join('words', `${name}.js`));
    const base = [join('base', 'index.js'), join('base', 'node-read.js')];
    assert.deepEqual(names.sort(), [...base, 'index.js', join('silent', 'index.js'), ...words]);
  });

  test('runs as ES modules and as CommonJS, with one class of a name', async () => {
    const modules = [await imported('index.js'), createRequire(join(folder, 'dist/cjs/'))('./index.js')] as const;
    for (const { speak, Word } of modules as readonly Words[]) {
      const speech = await speak();
      assert.ok(speech instanceof Word);
      assert.deepEqual([Word.name, speech.constructor.name], ['Word', 'Speech']);
      assert.equal(await speech.end(), '.');
      assert.deepEqual({ ...new Word() }, { text: 'first', more: 'first' });
    }
  });

  test('keeps comments and names, and says of calls that they have no effect', () => {
    for (const core of made('words/core.js')) {
      assert.match(core, /^\/\*\* What is said\. \*\/\nvar Word = class/m);
      assert.match(core, /^ *\/\/ later$/m);
    }
    for (const base of made('base/index.js')) assert.match(base, /known = \/\* @__PURE__ \*\/ new Map/);
  });

  test('has what a source is that was written before what was made of it', async () => {
    write('src/base/text.ts', `export const text = 'second';`, LONG_AGO);
    await build();
    for (const text of made('base/index.js')) assert.match(text, /second/);
    for (const types of made('base/text.d.ts')) assert.match(types, /second/);
  });

  for (const name of ['dist/cjs/words/index.js', 'dist/esm/words/index.d.ts', 'build/esm/words/word.js']) {
    test(`has what was taken away there: ${name}`, async () => {
      const before = readFileSync(name, 'utf8');
      rmSync(name);
      await build();
      assert.equal(readFileSync(name, 'utf8'), before);
    });
  }

  test('is compiled anew of what imports a package that was installed anew, whatever the lock says', async () => {
    builder = { ...builder, ...(await load<Build>('build.mjs?again')) }; // one process reads a package once
    write('node_modules/other/index.d.ts', 'export type Other = Uint8Array;');
    write('node_modules/.package-lock.json', {});
    assert.ok((await build()).includes('src/words/word.ts'));
  });

  test('has nothing of a source that was taken away', async () => {
    rmSync('src/base/gone.ts');
    rmSync('src/words/speech.ts');
    rmSync('src/words/end.ts');
    rmSync('src/silent', { recursive: true });
    write('src/words/word.ts', `export class Word {}\nexport const speak = () => 'now';`);
    await build();
    for (const name of ['base/gone.d.ts', 'words/speech.d.ts', 'words/core.js', 'words/later.js', 'silent/index.js']) {
      assert.throws(() => made(name), /ENOENT.*esm/);
      assert.throws(() => readFileSync(`dist/cjs/${name}`), /ENOENT/);
    }
    for (const text of made('base/index.js')) assert.doesNotMatch(text, /gone/);
  });

  test('has one copy of what both kinds read, which is made where CommonJS was never built', async () => {
    rmSync('dist/cjs', { recursive: true });
    write('test/data/recorded.json', { scenarios: [] });
    await builder.writeData();
    assert.deepEqual((await imported('conformance/recorded.js'))['RECORDED'], { scenarios: [] });
  });
});

test('a test file that is named, and is not there, is noticed', async () => {
  const { known } = await load<{ known: (names: readonly string[]) => readonly string[] }>('run.mjs');
  assert.deepEqual(known(['build', 'docs']), ['build', 'docs']);
  assert.throws(() => known(['docs', 'no-such']), /^Error: there is no test\/no-such\.test\.ts$/);
});
