import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';
import { COMMAND } from './support/command-lookupd.js';
import { Compiler } from './support/compiler.js';
import { runModules, type Ending } from './support/module-runs.js';
import { unchanged } from './support/unchanged.js';

const FOLDER = 'build/docs';
const settings = existsSync('docs/settings.md') ? 'docs/settings.md' : undefined;
const guide = readdirSync('docs').filter((name) => name.endsWith('.md'));
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `src/${name.replaceAll('\\', '/')}`);

function readText(file: string): string {
  return readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
}

function jsBlocks(text: string): string[] {
  return [...text.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = '']) => code);
}

/** The code of the `@example`s in a file's docstrings. */
function examples(file: string): string[] {
  const docstrings = [...readText(file).matchAll(/\/\*\*\n([^]*?)\*\//g)].map(([, text = '']) => text);
  return docstrings
    .map((text) => text.replace(/^ *\* ?/gm, ''))
    .flatMap((text) =>
      jsBlocks(
        text
          .split(/^@example$/m)
          .slice(1)
          .join('\n'),
      ),
    );
}

function nameOf(file: string, i: number): string {
  return `${file.replace(/\W/g, '-')}-${i + 1}`;
}

interface Block {
  readonly name: string;
  readonly code: string;
}

/** Runs blocks, each as a module of its own. */
function run(blocks: readonly Block[]): Map<string, Ending> {
  for (const { name, code } of blocks) writeFileSync(`${FOLDER}/${name}.mjs`, code);
  const paths = blocks.map(({ name }) => `${FOLDER}/${name}.mjs`);
  return new Map(
    [...runModules(`${FOLDER}/all.mjs`, paths, 0)].map(([path, ending]) => [basename(path, '.mjs'), ending]),
  );
}

/** A block runs, and prints what the comment behind a console.log says. */
function judge({ name, code }: Block, endings: ReadonlyMap<string, Ending>): void {
  const ending = endings.get(name);
  assert.ok(ending, 'it did not run');
  assert.equal(ending.error, undefined);
  const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text);
  for (const text of said) assert.ok(ending.printed.split('\n').includes(text), `${text} in:\n${ending.printed}`);
}

/** What the compiler has to say of blocks, each as a module of its own; but for the types of parameters in the pages. */
function diagnose(blocks: readonly Block[], pages: readonly Block[]): string {
  const paths = blocks.map(({ name, code }) => {
    const path = `${FOLDER}/${name}.mts`;
    writeFileSync(path, `${code}\nexport {};\n`);
    return path;
  });
  const inPages = new Set(pages.map(({ name }) => `${name}.mts`));
  const isImplicitAny = (code: number) => code >= 7000 && code < 7100;
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  };
  return new Compiler().check(
    paths,
    options,
    ({ code, file }) => !(isImplicitAny(code) && inPages.has(basename(file?.fileName ?? ''))),
  );
}

mkdirSync(FOLDER, { recursive: true });
const written: readonly Block[] = ['README.md', ...guide.map((name) => `docs/${name}`)].flatMap((file) =>
  jsBlocks(readText(file)).map((code, i) => ({ name: nameOf(file, i), code })),
);
const shown: readonly Block[] = sources.flatMap((file) =>
  examples(file).map((code, i) => ({ name: nameOf(file, i), code })),
);
const endings = run([...written, ...shown]);

describe('the documentation', () => {
  for (const block of written) test(`${block.name} runs`, () => judge(block, endings));

  test('the settings name every flag that the command has', { skip: !settings }, () => {
    const { stdout } = spawnSync(process.execPath, [COMMAND, '-help'], { encoding: 'utf8' });
    const flags = [...stdout.matchAll(/^ {2}(-[\w-]+)/gm)].map(([, flag]) => flag);
    const page = readText(settings ?? '');
    for (const flag of flags) assert.ok(page.includes(`\`${flag}\``), flag);
  });
});

describe('the examples of docstrings', () => {
  for (const block of shown) test(`${block.name} runs`, () => judge(block, endings));

  const { skip, passed } = unchanged('docs', ['package.json', 'dist/esm', 'build/test/docs.test.js'], [JSON.stringify([written, shown])]); // prettier-ignore
  test('and the blocks of the pages are TypeScript, strictly', { timeout: 60_000, skip }, () => {
    assert.equal(diagnose([...written, ...shown], written), '');
    passed();
  });

  test('show every function and class', async () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
    const imported = new Set(shown.flatMap(({ code }) => code.match(/(?<=^import \{[^}]*?)\w+(?=[^}]*\})/gm) ?? []));
    for (const subpath of Object.keys(exports).filter((path) => path !== './package.json')) {
      const module = (await import(subpath.replace('.', 'nsqlookupd'))) as Record<string, unknown>;
      const names = Object.keys(module).filter((name) => typeof module[name] === 'function');
      assert.deepEqual(
        names.filter((name) => !imported.has(name)),
        [],
        `${subpath}: no @example imports these`,
      );
    }
  });
});

describe('docs/errors.md', () => {
  const errors = readText('docs/errors.md');
  const inModule = /^src\/\w+\//;
  /** What is caught where it is thrown. */
  const internal = ['src/protocol/identity.ts', 'src/protocol/reply-decoder.ts'];

  /** The words of texts that the modules' code matches, without what is put in. */
  function words(pattern: RegExp, files: readonly string[]): string[] {
    const texts = files.flatMap((file) => {
      const code = readText(file).replace(/\/\*\*[^]*?\*\//g, '');
      return [...code.matchAll(pattern)].map(([, , text = '']) => text);
    });
    const parts = texts.flatMap((text) => text.split(/\$\{(?:[^{}]|\{[^}]*\})*\}|['"]/));
    return [...new Set(parts.map((part) => part.replace(/\$\{.*$/, '').trim()))].filter((part) =>
      /[a-z]{3}/i.test(part),
    );
  }

  function assertNames(found: readonly string[], least: number): void {
    assert.ok(found.length >= least, found.join('\n'));
    for (const text of found) assert.ok(errors.includes(text), text);
  }

  const inModules = sources.filter((file) => inModule.test(file));

  test('has every code of the protocol', () => {
    const [, codes = ''] = /type ErrorCode =([^;]*);/.exec(readText('src/protocol/messages.ts')) ?? [];
    assertNames(codes.match(/E_\w+/g) ?? [], 5);
  });

  test('has the words of every error answer of a peer', () => {
    assertNames(words(/(?:toFault|toError|refuse)\(\s*'E_\w+',\s*(['`])(.*?)\1/g, inModules), 14);
  });

  test('has every word that a route fails with', () => {
    assertNames(words(/failure\(\d+,\s*(['`])(.*?)\1/g, inModules), 9);
    assertNames(words(/\bmessage: (['`])([A-Z_]{4,}.*?)\1/g, inModules), 4);
  });

  test('has every line that is logged of a fault', () => {
    assertNames(words(/log\.(?:warn|error|fatal)\??\.?\((['`])(.*?)\1/g, inModules), 6);
  });

  test('has what onError is told', () => {
    assertNames(words(/(?:report|callGuarded)\(.*?, (['`])([^']*?)\1/g, inModules), 8);
  });

  test('has every error that is thrown at a host', () => {
    const files = inModules.filter((file) => !internal.includes(file));
    assertNames(words(/(?:TypeError|new Error|SettingError|ClosedError|LookupError)\(\s*(['`])(.*?)\1/g, files), 20);
  });
});
