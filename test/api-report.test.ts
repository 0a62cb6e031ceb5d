import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';

function check(...folder: readonly string[]) {
  const args = ['test/release/api-report.mjs', '--check', ...folder];
  return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
}

describe('the API report', { timeout: 130_000 }, () => {
  test('is of the API that there is, every export of which has a docstring', () => {
    const { status, stderr } = check();
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });

  test('shows when the API changes', () => {
    const folder = 'build/api-stale';
    rmSync(folder, { recursive: true, force: true });
    cpSync('docs/api', folder, { recursive: true });
    const report = readFileSync(`${folder}/tcp.api.md`, 'utf8');
    writeFileSync(`${folder}/tcp.api.md`, report.replace('readonly connections: number;', ''));
    writeFileSync(`${folder}/gone.api.md`, report);
    const { status, stderr } = check(folder);
    assert.match(stderr, /tcp\.api\.md is not what dist\/ has: run npm run api and look at the diff/);
    assert.match(stderr, /gone\.api\.md is of a subpath that package\.json does not export/);
    assert.equal(status, 1);
  });
});
