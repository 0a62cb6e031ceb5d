import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { PACKAGE_VERSION } from 'nsqlookupd/daemon';
import * as registry from 'nsqlookupd/registry';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
};
const subpaths = Object.keys(manifest.exports).filter((path) => path !== './package.json');

describe('the package', () => {
  test('knows its own version', () => assert.equal(PACKAGE_VERSION, manifest.version));

  for (const subpath of subpaths) {
    const name = subpath.replace('.', 'nsqlookupd');
    test(`${name} gives the same to import and to require`, async () => {
      const imported = (await import(name)) as Record<string, unknown>;
      const required = createRequire(import.meta.url)(name) as Record<string, unknown>;
      assert.ok(Object.keys(imported).length > 0);
      assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort());
      for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], key);
    });

    test(`${name} is there as CommonJS, for who has nothing else`, () => {
      const file = subpath === '.' ? 'index.js' : `${subpath.slice(2)}/index.js`;
      const common = createRequire(import.meta.url)(`../../dist/cjs/${file}`) as Record<string, unknown>;
      assert.ok(Object.keys(common).length > 0);
    });
  }

  test('nsqlookupd has all that its modules that run anywhere have', async () => {
    const names = async (name: string) => Object.keys((await import(name)) as object);
    const modules = await Promise.all(
      ['registry', 'protocol', 'tcp', 'http'].map((module) => names(`nsqlookupd/${module}`)),
    );
    assert.deepEqual((await names('nsqlookupd')).sort(), [...new Set(modules.flat())].sort());
  });

  test('the CommonJS build works', () => {
    const common = createRequire(import.meta.url)('../../dist/cjs/registry/index.js') as typeof registry;
    assert.notEqual(common.RegistrationDB, registry.RegistrationDB);
    const topology = new common.Topology({ db: new common.RegistrationDB(), clock: () => 0 });
    topology.createTopic('orders');
    assert.deepEqual(topology.topics(), ['orders']);
  });
});
