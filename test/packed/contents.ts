import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, normalize, sep } from 'node:path';
import { describe, test } from 'node:test';
import { bundle } from '../support/bundle.js';
import { mayLoad, moduleIn, usesNode } from '../support/modules.js';
import { runTool } from '../support/packed-project.js';
import { unchanged } from '../support/unchanged.js';
import { project } from './project.js';

/** The most that `nsqlookupd/registry` may weigh in a browser's bundle: minified, and gzipped. */
const MAX_REGISTRY_BYTES = 28_820;
const MAX_REGISTRY_GZIP_BYTES = 10_000;

const COMMAND = 'node_modules/.bin/nsqlookupd';

const { files, subpaths, manifest } = project;
const nameOf = (subpath: string) => subpath.replace('.', 'nsqlookupd');
/** A subpath's file, as in either build. */
const entryOf = (subpath: string) => normalize(manifest.exports[subpath]!.import.default.replace('./dist/esm/', ''));
const moduleOf = (subpath: string) => moduleIn(entryOf(subpath));

describe('the tarball', () => {
  test('holds what was built, the documentation, and nothing else', () => {
    const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.ts') && !path.startsWith(join('page', 'browser')),
    ); // that is bundled
    // What has declarations for a source is made at build time, and is for the inside alone.
    const types = sources.flatMap((path) => (path.endsWith('.d.ts') ? [] : [path.replace('.ts', '.d.ts')]));
    const modules = [...new Set(sources.map(moduleIn))].filter((module) => module !== '.');
    const apart = sources.filter((path) => /^[^/]+\/node-[^/]+$/.test(path)).map((path) => path.replace('.ts', '.js'));
    const code = [
      'index.js',
      ...modules.map((module) => `${module}/index.js`),
      ...apart,
      ...['conformance/recorded.js', 'daemon/core.js', 'daemon/later.js'],
    ];
    const built = ['esm', 'cjs'].flatMap((folder) => [...types, ...code].map((path) => `dist/${folder}/${path}`));
    const docs = readdirSync('docs')
      .filter((name) => /\.(?:md|svg|png)$/.test(name))
      .map((name) => `docs/${name}`);
    const whole = ['deploy', 'examples'].flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => `${entry.parentPath}/${entry.name}`),
    );
    const words = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md'];
    const expected = [
      ...built,
      ...docs,
      ...whole,
      ...words,
      'dist/cjs/package.json',
      ...['later', 'nsqlookupd', 'soon'].map((name) => `dist/command/${name}.cjs`),
      'package.json',
    ];
    assert.deepEqual([...files].sort(), expected.sort());
  });

  test('holds what its documents point to, and its code to no map', () => {
    const installed = (path: string) => readFileSync(join(project.folder, 'node_modules/nsqlookupd', path), 'utf8');
    for (const path of files.filter((path) => path.endsWith('.md'))) {
      const links = [...installed(path).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);
      for (const link of links) assert.ok(files.includes(normalize(join(path, '..', link))), `${link} in ${path}`);
    }
    for (const path of files.filter((path) => /\.c?[jt]s$/.test(path))) {
      assert.doesNotMatch(installed(path), /sourceMappingURL/, path);
    }
  });

  test('brings along a package that brings none, and two that are optional', () => {
    const optional = ['pprof-format', 'prom-client', '@opentelemetry', 'bintrees', 'tdigest'];
    const packages = project.packages.filter((name) => !optional.includes(name));
    assert.deepEqual(packages.sort(), ['nsqlookupd', 'smol-toml']);
  });

  const modules = files.filter((path) => /\.(?:c?js|d\.ts|json)$/.test(path));
  const publint = unchanged('publint', modules);
  test('publint finds nothing, not even something to suggest', { skip: publint.skip }, () => {
    assert.match(runTool('publint', '--strict', project.tarball), /All good!/);
    publint.passed();
  });

  const attw = unchanged('attw', modules);
  test('attw finds nothing, node10 included', { skip: attw.skip }, () => {
    assert.match(runTool('attw', '--profile', 'strict', '--format', 'ascii', project.tarball), /No problems found/);
    attw.passed();
  });
});

describe('the package, installed', () => {
  test('every subpath gives the same classes to import and to require', () => {
    project.write(
      'identity.mjs',
      `import assert from 'node:assert/strict';
       import { createRequire } from 'node:module';
       const require = createRequire(import.meta.url);
       for (const name of ${JSON.stringify(subpaths.map(nameOf))}) {
         const imported = await import(name);
         const required = require(name);
         assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort(), name);
         for (const key of Object.keys(imported)) assert.equal(required[key], imported[key], name + ' ' + key);
       }
       const { RegistrationDB } = await import('nsqlookupd/registry');
       assert.ok(new (require('nsqlookupd').RegistrationDB)() instanceof RegistrationDB);
       assert.equal(require('nsqlookupd/package.json').version, '${manifest.version}');`,
    );
    project.node('identity.mjs');
  });

  test('runs the command, and what that loads when it is asked for, in a process of somebody else', () => {
    const runs = [['-version'], ['check', '-none-such'], ['health', '-none-such'], ['-lookupd-http-address=none']];
    const script = `(async () => {
      for (const args of ${JSON.stringify(runs)}) console.log(await runCommand(args));
    })();`;
    const ways = [
      ['--input-type=module', '-e', `import { runCommand } from 'nsqlookupd/daemon'; ${script}`],
      ['--no-experimental-require-module', '-e', `const { runCommand } = require('nsqlookupd/daemon'); ${script}`],
    ];
    for (const args of ways) assert.deepEqual(project.node(...args).match(/^\d$/gm), ['0', '2', '2', '1']);
  });

  test('has a command', () => {
    assert.ok(readdirSync(join(project.folder, 'node_modules/.bin')).includes('nsqlookupd'));
    assert.match(project.node(COMMAND, '-version'), new RegExp(`nsqlookupd ${manifest.version}`));
  });
});

const WAYS = [
  { way: 'import', how: 'import', build: 'esm', flags: [] },
  { way: 'require', how: 'require', build: 'esm', flags: [] },
  {
    way: 'require where ESM cannot be required',
    how: 'require',
    build: 'cjs',
    flags: ['--no-experimental-require-module'],
  },
] as const;

describe('a subpath loads its own module, and those that it may use', () => {
  for (const { way, how, build, flags } of WAYS) {
    const loadedByEach = project.loadedByEach(subpaths.map(nameOf), how, ...flags);
    for (const subpath of subpaths) {
      test(`${way} ${nameOf(subpath)}`, () => {
        const loaded = loadedByEach.get(nameOf(subpath)) ?? [];
        const dist = join('nsqlookupd/dist', build) + sep;
        const own = loaded.filter((path) => path.startsWith('nsqlookupd')).map((path) => path.replace(dist, ''));
        assert.ok(own.includes(entryOf(subpath)), `${entryOf(subpath)} in ${own.join()}`);

        // An import costs what its files do: one of each module, and those that only Node can load.
        assert.deepEqual(
          own.filter((path) => !/^(?:\w+[\\/])?(?:index|node-[\w-]+)\.js$|^daemon[\\/]core\.js$/.test(path)),
          [],
        );
        // Two builds of one class would be two classes: whatever is left of the prefix shows here as a module.
        const may = mayLoad(moduleOf(subpath));
        assert.deepEqual(
          [...new Set(own.map(moduleIn))].filter((loadedModule) => !may.has(loadedModule)),
          [],
        );
        const packages = loaded.filter((path) => !path.startsWith('nsqlookupd')).map((path) => path.split(sep)[0]!);
        assert.deepEqual(
          [...new Set(packages)].filter((name) => !may.has(name)),
          [],
        );
        // A parser of TOML is for who has a config file.
        assert.ok(!packages.includes('smol-toml'));
        const below = subpaths.filter((other) => subpath !== '.' && other.startsWith(`${subpath}/`));
        for (const other of below) assert.ok(!own.includes(entryOf(other)), other);
      });
    }
  }

  test('who makes a lookupd of their own loads neither flags nor what keeps a registry', () => {
    for (const { way, how, flags } of WAYS) {
      const loaded = project.loadedByEach(['nsqlookupd/daemon'], how, ...flags).get('nsqlookupd/daemon') ?? [];
      assert.ok(loaded.length > 0, way);
      const needless = loaded.filter((path) => /\b(?:later|settings|store)\b/.test(path));
      assert.deepEqual(needless, [], way);
    }
  });

  test('the command loads what it needs to start, another file for what few starts need, and the parser of TOML for a config file', () => {
    const config = project.write('config.toml', 'log_level = "none such"\n');
    const parsers = (...args: string[]) =>
      project.loadedBy(COMMAND, ...args).filter((path) => path.startsWith('smol-toml'));
    const file = (name: string) => join('nsqlookupd', 'dist', 'command', name);
    for (const flag of ['-version', '-tcp-address=nowhere'])
      assert.deepEqual(project.loadedBy(COMMAND, flag).sort(), [file('nsqlookupd.cjs')]);
    for (const subcommand of ['check', 'health']) {
      const loaded = project.loadedBy(COMMAND, subcommand, '-none-such');
      assert.deepEqual(loaded.sort(), [file('later.cjs'), file('nsqlookupd.cjs')]);
    }
    assert.ok(parsers(`-config=${config}`).length > 0);
  });

  test('the command listens without what speaks TLS, compresses, reads folders, or is asked for by few', () => {
    const heavy = [
      'soon.cjs',
      'later.cjs',
      'tls',
      'https',
      'crypto',
      'zlib',
      'fs/promises',
      'dns/promises',
      'inspector',
      'readline',
      'perf_hooks',
    ];
    const script = project.write(
      'loaded.cjs',
      `const before = new Set(process.moduleLoadList);
       const { write } = process.stderr;
       process.stderr.write = function (text, ...rest) {
         if (/HTTP: listening/.test(text)) {
           const files = Object.keys(require.cache).map((path) => require('node:path').basename(path));
           const modules = process.moduleLoadList.filter((name) => !before.has(name));
           console.log(JSON.stringify([...files, ...modules]));
           process.kill(process.pid, 'SIGTERM');
         }
         return write.call(this, text, ...rest);
       };`,
    );
    const ports = ['-tcp-address=127.0.0.1:0', '-http-address=127.0.0.1:0'];
    const listed = JSON.parse(project.node('-r', script, COMMAND, ...ports)) as string[];
    const loaded = listed.map((name) => name.replace('NativeModule ', ''));
    for (const needed of ['nsqlookupd.cjs', 'net']) assert.ok(loaded.includes(needed), needed);
    assert.deepEqual(
      loaded.filter((name) => heavy.includes(name)),
      [],
    );
  });
});

describe('bundled for a browser', () => {
  test('nsqlookupd/registry is small, and alone', async (t) => {
    const { bytes, gzipBytes, files } = await bundle(`export * from 'nsqlookupd/registry'`, project.folder);
    t.diagnostic(`nsqlookupd/registry: ${bytes} bytes minified, ${gzipBytes} gzipped`);
    assert.ok(bytes <= MAX_REGISTRY_BYTES, `${bytes} bytes`);
    assert.ok(gzipBytes <= MAX_REGISTRY_GZIP_BYTES, `${gzipBytes} bytes gzipped`);
    const others = files.filter((path) => !/^node_modules\/nsqlookupd\/dist\/esm\/(?:base|registry)\//.test(path));
    assert.ok(files.length > 0);
    assert.deepEqual(others, []);
  });

  test('what is not used is left out', async () => {
    const { files, bytes } = await bundle(
      `import { encodeReply } from 'nsqlookupd'; console.log(encodeReply({ type: 'ok' }))`,
      project.folder,
    );
    assert.ok(files.length > 0);
    assert.ok(bytes < 2_000, `${bytes} bytes`);
  });

  for (const subpath of subpaths.filter((subpath) => subpath !== './daemon')) {
    const name = nameOf(subpath);
    test(`${name} needs nothing of Node's${usesNode(moduleOf(subpath)) ? ' but in files that say so' : ''}`, async () => {
      const { files, ofNode } = await bundle(`export * from '${name}'`, project.folder);
      assert.ok(files.length > 0);
      const expected = usesNode(moduleOf(subpath)) ? /\/node-[\w-]+\.js$/ : /^$/;
      assert.deepEqual(
        ofNode.filter((path) => !expected.test(path)),
        [],
      );
    });
  }
});
