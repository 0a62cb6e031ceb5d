import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, test } from 'node:test';
import { MAY_IMPORT, roomIn } from './support/rooms.js';

const IMPORT = /\b(?:from|import)\s*\(?\s*'([^']+)'/g;

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

const roomOf = (file: string) => roomIn(relative('src', file));

/** What a file imports from outside its room: a room, `node:`, or a package. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/^\s*(\/?\*|\/\/).*$/gm, '');
  return [...text.matchAll(IMPORT)]
    .map(([, specifier = '']) => {
      if (specifier.startsWith('node:')) return 'node:';
      return specifier.startsWith('.') ? roomOf(normalize(join(dirname(file), specifier))) : specifier;
    })
    .filter((target) => target !== roomOf(file));
}

describe('a room imports only rooms below it', () => {
  const files = sources('src');

  test('every file is in a known room', () => {
    assert.ok(files.length > 30);
    assert.deepEqual([...new Set(files.map(roomOf))].sort(), Object.keys(MAY_IMPORT).sort());
  });

  for (const room of Object.keys(MAY_IMPORT)) {
    test(room, () => {
      const found = files.filter((file) => roomOf(file) === room).flatMap(importsOf);
      assert.deepEqual(
        [...new Set(found)].filter((target) => !MAY_IMPORT[room]!.includes(target)),
        [],
      );
      // The rule is one that the imports could break.
      if (room !== 'protocol') assert.ok(found.length > 0);
    });
  }

  test('only the daemon, and what is Node’s alone by name, imports node:', () => {
    const importing = files.filter((file) => roomOf(file) !== 'daemon' && importsOf(file).includes('node:'));
    assert.ok(importing.length > 0);
    for (const file of importing) assert.match(file, /\/node-[\w-]+\.ts$/);
  });

  test('what runs anywhere names no global of Node alone', () => {
    // Deadlines are the one thing that needs timers: the runtime's own are the default of an option.
    const isExempt = (file: string) => roomOf(file) === 'daemon' || /timers\.ts$|\/node-/.test(file);
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
