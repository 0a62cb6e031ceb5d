// eslint, for `npm test`: a file is linted again when it has changed, or what it imports, as the compiler tells.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';

const PENDING = 'build/state/lint.json';
/** What npm writes when it has installed anything. */
export const INSTALLED = 'node_modules/.package-lock.json';
const SOURCES = ['src/**/*.ts', 'test/**/*.ts'];

/** Changes with what all files are linted by. */
function rules() {
  const hash = createHash('sha256').update(process.version);
  for (const name of ['eslint.config.js', 'package-lock.json', INSTALLED])
    if (existsSync(name)) hash.update(readFileSync(name));
  return hash.digest('hex');
}

/** What is yet to be found in order: all, where nothing is known. */
function pending() {
  const known = existsSync(PENDING) ? JSON.parse(readFileSync(PENDING, 'utf8')) : {};
  return known.rules === rules() ? known.files : SOURCES;
}

function keep(files) {
  mkdirSync(dirname(PENDING), { recursive: true });
  writeFileSync(PENDING, JSON.stringify({ rules: rules(), files: [...new Set(files)] }));
}

/** To be called before what the compiler knows is kept, so that an end in between forgets no file. */
export function lintLater(files) {
  keep([...pending(), ...files.filter((name) => /^(?:src|test)[\\/]/.test(name))]);
}

/** Lints what is pending, with the programs of the compiler, and what is no TypeScript. */
export async function lint(programs) {
  const { ESLint } = await import('eslint'); // which takes longer to load than a build of nothing
  const files = pending().filter((name) => name.includes('*') || existsSync(name));
  const overrideConfig = { files: ['**/*.ts'], languageOptions: { parserOptions: { project: null } } };
  if (files.length > 0) overrideConfig.languageOptions.parserOptions.programs = programs.map((program) => program());
  const cache = { cache: true, cacheStrategy: 'content', cacheLocation: 'build/state/eslint.json' };
  const typed = files.length > 0 ? await new ESLint({ overrideConfig }).lintFiles(files) : [];
  const eslint = new ESLint(cache);
  const results = [...typed, ...(await eslint.lintFiles(['**/*.js', '**/*.mjs']))];
  const formatter = await eslint.loadFormatter('stylish');
  process.stdout.write(await formatter.format(results));
  keep(typed.filter(({ errorCount }) => errorCount > 0).map(({ filePath }) => relative('', filePath)));
  return results.every(({ errorCount }) => errorCount === 0);
}
