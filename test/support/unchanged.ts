import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'build/state';

/** A check of what was compiled, as the compiler, eslint and prettier do theirs: not made again of what it found in order. */
export interface Unchanged {
  /** Why it need not be made: it passed with all that it reads as it is now. Never in CI. */
  readonly skip: string | false;
  /** To be called when it has passed. */
  readonly passed: () => void;
}

/** `paths`: the files that it reads, and folders whose declarations it reads; `more`: what else it depends on. */
export function unchanged(name: string, paths: readonly string[], more: readonly string[] = []): Unchanged {
  const hash = createHash('sha256').update(process.version);
  for (const path of ['package-lock.json', ...paths].flatMap(filesIn))
    hash.update(`\n${path}\n`).update(readFileSync(path));
  const now = hash.update(JSON.stringify(more)).digest('hex');
  const state = join(FOLDER, `passed-${name}`);
  const isSame = existsSync(state) && readFileSync(state, 'utf8') === now;
  return {
    skip: isSame && process.env['CI'] !== 'true' ? 'nothing that it reads has changed since it passed' : false,
    passed() {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(state, now);
    },
  };
}

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort();
  return names.filter((name) => /\.(?:d\.ts|md)$/.test(name)).map((name) => join(path, name));
}
