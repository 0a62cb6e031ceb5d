import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';

const FOLDER = 'examples';
const TIMEOUT_MS = 20_000;
const examples = readdirSync(FOLDER).filter((name) => /\.[cm]?js$/.test(name));

describe('every example', () => {
  test('is there', () => assert.ok(examples.length >= 5));

  for (const name of examples) {
    test(`${name} runs, prints, complains of nothing, and ends by itself`, { timeout: 2 * TIMEOUT_MS }, async () => {
      const child = spawn(process.execPath, [join(FOLDER, name)], {
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
      });
      const [stdout, stderr, [code, signal]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null, string | null]>,
      ]);
      assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, stdout);
      assert.notEqual(stdout.trim(), '');
    });
  }
});
