import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, test } from 'node:test';
import { MAY_IMPORT, moduleIn } from './support/modules.js';

const IMPORT = /(?<![-\w])(?:from|import)\s*\(?\s*'([^']+)'/g;

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

const moduleOf = (file: string) => moduleIn(relative('src', file));

/** What a file imports from outside its module: a module, `node:`, or a package. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, '');
  return [...text.matchAll(IMPORT)]
    .map(([, specifier = '']) => {
      if (specifier.startsWith('node:')) return 'node:';
      return specifier.startsWith('.') ? moduleOf(normalize(join(dirname(file), specifier))) : specifier;
    })
    .filter((target) => target !== moduleOf(file));
}

/** The files of `src` that a file loads when it is loaded. */
function runtimeImportsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, '');
  const statements = text.matchAll(/^(?:import|export) (?!type )(?:[\w*{][^;'"]*?from )?'(\.[^']+)\.js';/gm);
  return [...statements].map(([, specifier = '']) => `${normalize(join(dirname(file), specifier))}.ts`);
}

/** The ways by which files import themselves. */
function circlesOf(files: readonly string[], importsOf: (file: string) => readonly string[]): string[][] {
  const found: string[][] = [];
  const seen = new Map<string, 'open' | 'done'>();
  const visit = (file: string, way: readonly string[]): void => {
    if (seen.get(file) === 'open') found.push([...way.slice(way.indexOf(file)), file]);
    if (seen.has(file) || !files.includes(file)) return; // or it is made by the build
    seen.set(file, 'open');
    for (const other of importsOf(file)) visit(other, [...way, file]);
    seen.set(file, 'done');
  };
  for (const file of files) visit(file, []);
  assert.equal(seen.size, files.length);
  return found;
}

describe('a module imports only modules below it', () => {
  const files = sources('src');

  test('every file is in a known module', () => {
    assert.ok(files.length > 30);
    assert.deepEqual([...new Set(files.map(moduleOf))].sort(), Object.keys(MAY_IMPORT).sort());
  });

  for (const module of Object.keys(MAY_IMPORT)) {
    test(module, () => {
      const found = files.filter((file) => moduleOf(file) === module).flatMap(importsOf);
      assert.deepEqual(
        [...new Set(found)].filter((target) => !MAY_IMPORT[module]!.includes(target)),
        [],
      );
      // What none of its files imports is not for the table to allow.
      assert.deepEqual(
        MAY_IMPORT[module]!.filter((target) => !found.includes(target)),
        [],
      );
    });
  }

  test('a module is reached through its index, but for base', () => {
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      for (const [, specifier = ''] of text.matchAll(IMPORT)) {
        if (!specifier.startsWith('.')) continue;
        const target = normalize(join(dirname(file), specifier));
        if (moduleOf(target) === moduleOf(file) || moduleOf(target) === 'base') continue;
        assert.match(target, /^src\/[^/]+\/index\.js$/, file);
      }
    }
  });

  test('no file imports itself by way of others, but for types', () => {
    assert.deepEqual(circlesOf(files, runtimeImportsOf), []);
  });

  test('nor does a file of the package', () => {
    const built = readdirSync('dist/esm', { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js') && !name.endsWith('recorded.js'))
      .map((name) => join('dist/esm', name));
    assert.ok(built.length > 10);
    const importsOfBuilt = (file: string) =>
      [...readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) .*?from ['"](\.[^'"]+)['"];$/gm)].map(
        ([, specifier = '']) => normalize(join(dirname(file), specifier)),
      );
    assert.ok(built.some((file) => importsOfBuilt(file).length > 0));
    assert.deepEqual(circlesOf(built, importsOfBuilt), []);
  });

  test('only the daemon, and what is Node’s alone by name, imports node:', () => {
    const importing = files.filter((file) => moduleOf(file) !== 'daemon' && importsOf(file).includes('node:'));
    assert.ok(importing.length > 0);
    for (const file of importing) assert.match(file, /\/node-[\w-]+\.ts$/);
  });

  test('what runs anywhere names no global of Node alone', () => {
    // Deadlines are the one thing that needs timers: the runtime's own are the default of an option.
    const isExempt = (file: string) =>
      moduleOf(file) === 'daemon' ||
      file.startsWith(join('src', 'page', 'browser')) ||
      /(?:timers|clock|work-queue)\.ts$|\/node-/.test(file);
    for (const file of files.filter((file) => !isExempt(file))) {
      const code = readFileSync(file, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
      assert.doesNotMatch(
        code,
        /(?<!\btimers\.)\b(?:Buffer|process|setTimeout(?!\(callback: )|setInterval|setImmediate|performance)\b[.(]/,
        file,
      );
    }
  });
});
