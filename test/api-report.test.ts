import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { unchanged } from './support/unchanged.js';

type Reports = Readonly<Record<string, string>>;
const { compareReports, faultsIn } = (await import(pathToFileURL('test/release/api-diff.mjs').href)) as {
  compareReports: (made: Reports, kept: Reports) => string[];
  faultsIn: (name: string, report: string) => string[];
};

const READS = ['package.json', 'dist/esm', 'docs/api', 'test/release/api-report.mjs', 'test/release/api-diff.mjs'];
const { skip, passed } = unchanged('api-report', READS);

describe('the API report', () => {
  test('is of the API that there is, every export of which has a docstring', { timeout: 60_000, skip }, () => {
    const args = ['test/release/api-report.mjs', '--check'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(stderr, '');
    assert.equal(status, 0);
    passed();
  });

  test('shows when the API changes', () => {
    const made = { tcp: 'readonly connections: number;\n', http: 'const a = 1;\n', new: '' };
    assert.deepEqual(compareReports(made, { tcp: '\n', http: 'const a = 1;\r\n', gone: '' }), [
      'tcp.api.md is not what dist/ has: run npm run api and look at the diff',
      'new.api.md is not what dist/ has: run npm run api and look at the diff',
      'gone.api.md is of a subpath that package.json does not export',
    ]);
    assert.deepEqual(compareReports(made, made), []);
  });

  test('shows what has no docstring, and what is warned of', () => {
    const report = '// Warning: (ae-x) "A" is odd\nclass B {\n    // (undocumented)\n    c(): void;\n}\n';
    assert.deepEqual(faultsIn('tcp', report), ['tcp: no docstring: c(): void;', 'tcp: (ae-x) "A" is odd']);
  });
});
