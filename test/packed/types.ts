import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { Compiler } from '../support/compiler.js';
import { unchanged } from '../support/unchanged.js';
import { project } from './project.js';

interface Mode {
  readonly options: Readonly<Record<string, string>>;
  /** Of the consumers' files: what says whether they are ESM or CommonJS. */
  readonly extensions: readonly string[];
}

const MODES: Readonly<Record<string, Mode>> = {
  'commonjs with node10': {
    options: { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
    extensions: ['.ts'],
  },
  'commonjs with bundler': {
    options: { module: 'commonjs', moduleResolution: 'bundler' },
    extensions: ['.ts'],
  },
  node16: { options: { module: 'node16' }, extensions: ['.mts', '.cts'] },
  nodenext: { options: { module: 'nodenext' }, extensions: ['.mts', '.cts'] },
  'esnext with bundler': { options: { module: 'esnext', moduleResolution: 'bundler' }, extensions: ['.mts'] },
};

/** What a subpath's types need besides the language's. Who is not named here needs Node's. */
const NO_TYPES = ['./registry', './protocol', './tcp'];
const WEB_TYPES = ['.', './http'];

const compiler = new Compiler();
const consumerFiles = readdirSync('test/consumers').map((name) => join('test/consumers', name));
const checking = unchanged('packed-types', ['package.json', 'dist', 'build/test/packed/types.js', ...consumerFiles]);
let compilations = 0;

project.write(
  'run.mjs',
  `for (const file of process.argv.slice(2)) {
     const { claims } = await import(file);
     const wrong = Object.entries(await claims()).filter(([, holds]) => !holds);
     if (wrong.length > 0) throw new Error(file + ': ' + wrong.map(([claim]) => claim).join());
   }`,
);

/** The code of a consumer: one that uses a good part of the subpath, if there is one, and one for any subpath. */
function consumersOf(subpath: string): [name: string, code: string][] {
  const name = subpath === '.' ? 'index' : subpath.slice(2).replaceAll('/', '-');
  const any = `import * as all from '${subpath.replace('.', 'nsqlookupd')}';
    export const claims = () => ({ 'there is something': Object.keys(all).length > 0 });
    export type All = typeof all;`;
  const written = join('test/consumers', `${name}.ts`);
  return existsSync(written)
    ? [
        [`${name}-any`, any],
        [name, readFileSync(written, 'utf8')],
      ]
    : [[`${name}-any`, any]];
}

/** Compiles consumers in a folder of their own; answers the paths of the compiled files. */
function compile(folder: string, subpaths: readonly string[], mode: Mode, environment: object): string[] {
  mkdirSync(join(project.folder, folder));
  const consumers = subpaths.flatMap(consumersOf);
  for (const extension of mode.extensions) {
    for (const [name, code] of consumers) project.write(join(folder, name + extension), code);
  }
  const compilerOptions = {
    target: 'es2022',
    ...mode.options,
    ...environment,
    strict: true,
    skipLibCheck: false,
    noCheck: checking.skip !== false,
    outDir: 'out',
    rootDir: '.',
  };
  const config = project.write(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
  assert.equal(compiler.compile(config), '');
  compilations++;
  return mode.extensions.flatMap((extension) =>
    consumers.map(([name]) => `./${folder}/out/${name}${extension.replace('ts', 'js')}`),
  );
}

const NODE = { lib: ['es2022'], types: ['node'], typeRoots: [resolve('node_modules/@types')] };

describe('TypeScript reads the packed types, and what it compiles runs', () => {
  after(() => {
    if (compilations === Object.keys(MODES).length + 2) checking.passed();
  });

  test('every consumer is of a subpath', () => {
    assert.ok(['.', ...NO_TYPES, ...WEB_TYPES].every((subpath) => project.subpaths.includes(subpath)));
  });

  const compiled: string[] = [];
  for (const [name, mode] of Object.entries(MODES)) {
    test(`${name}, every subpath`, (t) => {
      if (checking.skip) t.diagnostic(`compiled without a check: ${checking.skip}`);
      compiled.push(...compile(name.replaceAll(' ', '-'), project.subpaths, mode, NODE));
    });
  }

  test('what they compiled runs', () => {
    assert.ok(compiled.length > 5 * project.subpaths.length);
    project.node('run.mjs', ...compiled);
  });

  test(`without any types but the language's: ${NO_TYPES.join()}`, { skip: checking.skip }, () => {
    compile('no-types', NO_TYPES, MODES['nodenext']!, { lib: ['es2022'], types: [] });
  });

  test(`with the web's types: ${WEB_TYPES.join()}`, { skip: checking.skip }, () => {
    compile('web-types', WEB_TYPES, MODES['esnext with bundler']!, { lib: ['es2022', 'dom'], types: [] });
  });
});
