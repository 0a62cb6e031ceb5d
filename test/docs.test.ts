import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createHttpHandler } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { COMMAND } from './support/command-lookupd.js';

const readme = readFileSync('README.md', 'utf8');

describe('the documentation', () => {
  for (const file of ['README.md', 'docs/protocol.md']) {
    const blocks = [...readFileSync(file, 'utf8').matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code = '']) => code);
    test(`${file} has code to run`, () => assert.ok(blocks.length > 0));
    blocks.forEach((code, i) => {
      test(`block ${i + 1} of ${file} runs`, { timeout: 30_000 }, () => {
        const folder = 'build/docs';
        mkdirSync(folder, { recursive: true });
        const path = `${folder}/${file.replace(/\W/g, '-')}-${i + 1}.mjs`;
        writeFileSync(path, `${code}\nprocess.exit();\n`);
        const { status, stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8', timeout: 20_000 });
        assert.equal(status, 0, stderr);
        // What a comment behind a console.log says is what it prints.
        const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text = '']) => text);
        for (const text of said) assert.ok(stdout.split('\n').includes(text), `${text} in:\n${stdout}`);
      });
    });
  }

  test('the README names every flag that the command has, and no other', () => {
    const { stdout } = spawnSync(process.execPath, [COMMAND, '-help'], { encoding: 'utf8' });
    const flags = [...stdout.matchAll(/^ {2}(-[\w-]+)/gm)].map(([, flag]) => flag);
    const rows = [...readme.matchAll(/^\| `(-[\w-]+)` +\|/gm)].map(([, flag]) => flag);
    assert.deepEqual(rows, flags);
  });

  test('every route that the README names answers', () => {
    const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
    const handler = createHttpHandler({ topology });
    const routes = [...readme.matchAll(/`(GET|POST) (\/[\w/]*)`/g)];
    assert.ok(routes.length >= 20);
    for (const [route, method = '', path = ''] of routes) {
      const response = handler({ method, path, query: '', headers: {} });
      assert.ok(response && response.status !== 405, route);
    }
  });
});
