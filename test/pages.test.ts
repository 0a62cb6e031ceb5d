import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { unlisted } from './runtimes/runtimes.js';

const guide = readdirSync('docs')
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const pages = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...guide];

function readText(file: string): string {
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
}

/** The text of a page without its code blocks. */
function prose(page: string): string {
  return readText(page).replace(/^```[^]*?^```$/gm, '');
}

/** The cells of a table's row; a `|` within a cell is written `\|`. */
function cells(row: string): string[] {
  return row
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim());
}

/** The tables of a page: each its rows, with the head first. */
function tables(page: string): string[][] {
  return [...prose(page).matchAll(/(?:^\|.*\n)+/gm)].map(([text]) => text.trim().split('\n'));
}

/** What the texts have more than once. */
function twice(texts: readonly string[]): string[] {
  return texts.filter((text, i) => texts.indexOf(text) !== i);
}

describe('the pages', () => {
  for (const page of pages) {
    test(`${page}: every table has a head, rows of as many cells, and none twice`, () => {
      for (const [head = '', rule = '', ...rows] of tables(page)) {
        assert.match(rule, /^\|(?: :?-+:? \|)+$/, `a table without a head: ${head}`);
        for (const row of rows) assert.equal(cells(row).length, cells(head).length, row);
        // Rows of nothing but figures may have the same name.
        const names = rows.map((row) => cells(row).slice(0, 2).join(' | '));
        assert.deepEqual(twice(names.filter((name) => !name.startsWith('–'))), []);
      }
    });

    test(`${page}: no paragraph or point is there twice`, () => {
      const parts = prose(page)
        .split(/\n\s*\n|\n(?=- |\d\. )/)
        .map((part) => part.trim().replace(/\s+/g, ' '))
        .filter((part) => !part.startsWith('|') && part.length > 40);
      assert.deepEqual(twice(parts), []);
    });
  }

  test('README.md links to every page of the guide', () => {
    const readme = readText('README.md');
    assert.deepEqual(
      guide.filter((page) => !readme.includes(`(${page})`)),
      [],
    );
  });

  test('the site has every page of the guide in its order', () => {
    const config = readText('typedoc.config.js');
    assert.deepEqual(
      guide.filter((page) => !config.includes(`'${page}'`)),
      [],
    );
  });

  test('README.md has under 150 lines, and every subpath', () => {
    const readme = readText('README.md');
    assert.ok(readme.split('\n').length < 150);
    const { exports } = JSON.parse(readText('package.json')) as { exports: Record<string, unknown> };
    for (const subpath of Object.keys(exports).filter((path) => path !== './package.json')) {
      assert.ok(readme.includes(`| \`${subpath.replace('.', 'nsqlookupd')}\``), subpath);
    }
  });

  const files = readdirSync('test').flatMap((name) => (name.endsWith('.test.ts') ? name.replace('.test.ts', '') : []));

  test('every file of tests runs on all runtimes, or has a reason not to', () => {
    assert.deepEqual(unlisted(files), []);
    assert.deepEqual(unlisted(['no-such', ...files]), ['no-such']);
  });

  test('docs/testing.md names every file of tests', () => {
    const page = readText('docs/testing.md');
    assert.deepEqual(
      files.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  });

  test('SECURITY.md has every limit of docs/settings.md', () => {
    const [, atLimit = ''] = /^## What happens at a limit$([^]*?)^## /m.exec(readText('docs/settings.md')) ?? [];
    const flags = [...atLimit.matchAll(/^\| `(-[\w-]+)`/gm)].map(([, flag = '']) => flag);
    assert.ok(flags.length > 25);
    const security = tables('SECURITY.md').flat().join('\n');
    assert.deepEqual(
      flags.filter((flag) => !new RegExp(`\`${flag}(?:=[^\`]*)?\``).test(security)),
      [],
    );
  });

  test('docs/operating.md has every flag of the original, and every alert that it names is a rule', () => {
    const page = readText('docs/operating.md');
    const original =
      'config version log-level log-prefix verbose tcp-address http-address broadcast-address inactive-producer-timeout tombstone-lifetime';
    for (const flag of original.split(' ')) assert.ok(page.includes(`\`-${flag}\``), flag);
    const rules = readText('deploy/alerts.yml');
    const named = page.match(/Nsqlookupd\w+/g) ?? [];
    assert.ok(named.length > 3);
    for (const name of named) assert.ok(rules.includes(`alert: ${name}\n`), name);
  });

  test('docs/architecture.md and its drawing have every module', () => {
    const page = readText('docs/architecture.md');
    const drawing = readText('docs/architecture.svg');
    for (const { name } of readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
      assert.ok(page.includes(`| \`${name}/\``), name);
      assert.ok(drawing.includes(`>${name}<`), name);
    }
  });
});
