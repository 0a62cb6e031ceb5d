import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createProfiles } from 'nsqlookupd/daemon';
import { createHttpHandler } from 'nsqlookupd/http';
import { createFindings } from 'nsqlookupd/operate';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import ts from 'typescript';
import { COMMAND } from './support/command-lookupd.js';

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

/** Runs a block as a module of its own; what a comment behind a console.log says is what it is to print. */
function run(name: string, code: string): void {
  mkdirSync(FOLDER, { recursive: true });
  const path = `${FOLDER}/${name}.mjs`;
  writeFileSync(path, `${code}\nprocess.exit();\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(status, 0, stderr);
  const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text);
  for (const text of said) assert.ok(stdout.split('\n').includes(text), `${text} in:\n${stdout}`);
}

/** What the compiler has to say of blocks, each as a module of its own. */
function diagnose(
  blocks: readonly { readonly name: string; readonly code: string }[],
  options: ts.CompilerOptions = {},
) {
  mkdirSync(FOLDER, { recursive: true });
  const paths = blocks.map(({ name, code }) => {
    const path = `${FOLDER}/${name}.mts`;
    writeFileSync(path, `${code}\nexport {};\n`);
    return path;
  });
  const program = ts.createProgram(paths, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: ['node'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    ...options,
  });
  const host = { getCanonicalFileName: String, getCurrentDirectory: () => process.cwd(), getNewLine: () => '\n' };
  return ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host);
}

describe('the documentation', () => {
  test('has blocks that are TypeScript, but for the types of parameters', { timeout: 60_000 }, () => {
    const blocks = ['README.md', ...guide.map((name) => `docs/${name}`)].flatMap((file) =>
      jsBlocks(readText(file)).map((code, i) => ({ name: nameOf(file, i), code })),
    );
    assert.equal(diagnose(blocks, { noImplicitAny: false }), '');
  });

  for (const file of ['README.md', ...guide.map((name) => `docs/${name}`)]) {
    jsBlocks(readText(file)).forEach((code, i) => {
      test(`block ${i + 1} of ${file} runs`, { timeout: 30_000 }, () => run(nameOf(file, i), code));
    });
  }

  test('the settings name every flag that the command has', { skip: !settings }, () => {
    const { stdout } = spawnSync(process.execPath, [COMMAND, '-help'], { encoding: 'utf8' });
    const flags = [...stdout.matchAll(/^ {2}(-[\w-]+)/gm)].map(([, flag]) => flag);
    const page = readText(settings ?? '');
    for (const flag of flags) assert.ok(page.includes(`\`${flag}\``), flag);
  });

  test('every route that docs/routes.md names answers', async () => {
    const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
    const rows = [...createProfiles().routes, ...createFindings({ topology }).routes];
    const handler = createHttpHandler({ topology, routes: rows });
    const routes = [...readText('docs/routes.md').matchAll(/`(GET|POST) (\/[\w/]*)`/g)];
    assert.ok(routes.length >= 20);
    for (const [route, method = '', path = ''] of routes) {
      const signal = AbortSignal.abort(); // what takes a while need not
      const response = await handler({ method, path, query: '', headers: {}, signal });
      assert.ok(response && response.status !== 405, route);
    }
  });
});

describe('the examples of docstrings', () => {
  const all = sources.flatMap((file) => examples(file).map((code, i) => ({ name: nameOf(file, i), code })));

  for (const { name, code } of all) test(`${name} runs`, { timeout: 30_000 }, () => run(name, code));

  test('are TypeScript, strictly', { timeout: 60_000 }, () => {
    assert.equal(diagnose(all), '');
  });

  test('show every function and class', async () => {
    const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
    const shown = new Set(all.flatMap(({ code }) => code.match(/(?<=^import \{[^}]*?)\w+(?=[^}]*\})/gm) ?? []));
    for (const subpath of Object.keys(exports).filter((path) => path !== './package.json')) {
      const module = (await import(subpath.replace('.', 'nsqlookupd'))) as Record<string, unknown>;
      const names = Object.keys(module).filter((name) => typeof module[name] === 'function');
      assert.deepEqual(
        names.filter((name) => !shown.has(name)),
        [],
        `${subpath}: no @example imports these`,
      );
    }
  });
});

describe('docs/errors.md', () => {
  const errors = readText('docs/errors.md');
  const inModule =
    /^src\/(base|registry|protocol|streams|session|tcp|http|operate|daemon|client|conformance|testing)\//;
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
