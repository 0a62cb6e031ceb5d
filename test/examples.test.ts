import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runModules } from './support/module-runs.js';

const FOLDER = 'examples';
const TIMEOUT_MS = 20_000;
const examples = readdirSync(FOLDER)
  .filter((name) => /\.[cm]?js$/.test(name))
  .map((name) => join(FOLDER, name));
/** What ends its process, or is run as tests are, has one of its own. */
const alone = examples.filter((path) => /process\.exit|node:test/.test(readFileSync(path, 'utf8')));
const together = examples.filter((path) => !alone.includes(path));
const endings = runModules('build/examples/all.mjs', together, TIMEOUT_MS);

describe('every example', () => {
  test('is there', () => assert.ok(together.length >= 10 && alone.length <= 3));

  for (const path of together) {
    test(`${path} runs, prints, complains of nothing, and ends by itself`, () => {
      const { printed = '', ...rest } = endings.get(path) ?? {};
      assert.deepEqual(rest, { complained: '', leftOpen: [] }, printed);
      assert.notEqual(printed.trim(), '');
    });
  }

  for (const path of alone) {
    test(`${path} runs, prints, complains of nothing, and ends`, () => {
      const run = spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
      const { status, signal, stderr, stdout } = run;
      assert.deepEqual({ status, signal, stderr }, { status: 0, signal: null, stderr: '' }, stdout);
      assert.notEqual(stdout.trim(), '');
    });
  }
});
