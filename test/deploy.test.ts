import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { validate } from 'dockerfile-utils';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { Service } from 'kubernetes-models/v1/Service';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { StatefulSet } from 'kubernetes-models/apps/v1/StatefulSet';
import { parse as parseToml } from 'smol-toml';
import ts from 'typescript';
import { parse as parseYaml, parseAllDocuments } from 'yaml';
import type * as flags from '../dist/esm/daemon/flags.js';
import type * as settings from '../dist/esm/daemon/settings.js';
import { Compiler } from './support/compiler.js';

const load = (name: string): Promise<unknown> => import(pathToFileURL(`build/esm/daemon/${name}.js`).href);
const { SETTINGS } = (await load('settings')) as typeof settings;
const { parseFlags, readConfig } = (await load('flags')) as typeof flags;

const T = { timeout: 60_000 };
const read = (name: string) => readFileSync(`deploy/${name}`, 'utf8').replaceAll('\r\n', '\n');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

/** A table, as TOML's parser makes it, has no prototype. */
const plain = (value: unknown): unknown => (typeof value === 'object' && !Array.isArray(value) ? { ...value } : value);

describe('the sample config', () => {
  test('has every key, and read whole it is the defaults', () => {
    const whole = read('nsqlookupd.toml').replaceAll(/^# (?=\w+ = )/gm, '');
    const given: Readonly<Record<string, unknown>> = readConfig(parseToml(whole), SETTINGS);
    const rows = Object.entries<{ default: unknown; defaultText?: string; commandLineOnly?: true }>(SETTINGS);
    const inFile = rows.filter(([, { commandLineOnly }]) => !commandLineOnly);
    assert.deepEqual(
      Object.keys(given),
      inFile.map(([flag]) => flag),
    );
    for (const [flag, { default: value, defaultText }] of inFile)
      if (defaultText === undefined) assert.deepEqual(plain(given[flag]), value, flag);
  });

  test('as it stands changes nothing', () => {
    assert.deepEqual({ ...parseToml(read('nsqlookupd.toml')) }, {});
  });
});

describe('the systemd unit', () => {
  const skip = hasSystemd ? false : 'NOT RUN: there is no systemd-analyze here';

  test('is one that systemd takes, and exposes little', { ...T, skip }, () => {
    const folder = resolve('build/deploy');
    mkdirSync(folder, { recursive: true });
    const path = `${folder}/nsqlookupd.service`;
    writeFileSync(path, read('nsqlookupd.service').replace('/usr/local/bin/nsqlookupd', process.execPath));
    for (const args of [
      ['verify', path],
      ['security', '--offline=true', '--threshold=20', path],
    ]) {
      const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      assert.equal(status, 0, stdout + stderr);
      assert.equal(stderr, '');
    }
    writeFileSync(path, read('nsqlookupd.service').replace('ProtectHome=', 'ProtectHomes='));
    assert.match(spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' }).stderr, /ProtectHomes/);
  });

  test('starts the command with flags that it has', () => {
    const [, args = ''] = /^ExecStart=\S+ (.*)$/m.exec(read('nsqlookupd.service')) ?? [];
    assert.deepEqual(parseFlags(args.split(' '), SETTINGS), { config: '/etc/nsqlookupd.toml' });
  });
});

describe('the Dockerfile', () => {
  test('has no instruction or flag that there is not', () => {
    const faults = (text: string) => validate(text).map(({ message }) => message);
    assert.deepEqual(faults(read('Dockerfile')), []);
    assert.notDeepEqual(faults(read('Dockerfile').replace('EXPOSE', 'EXPOSES')), []);
  });

  test('runs as another than root, and asks the command for its health', () => {
    const lines = read('Dockerfile').split('\n');
    assert.ok(lines.includes('USER node'));
    assert.ok(lines.some((line) => /^HEALTHCHECK .* CMD \["nsqlookupd", "health"\]$/.test(line)));
  });
});

interface Composed {
  readonly services: Readonly<Record<string, ComposedService>>;
  readonly volumes: object;
}
interface ComposedService {
  readonly image?: string;
  readonly command: readonly string[];
  readonly depends_on?: readonly string[] | object;
  readonly volumes?: readonly string[];
}

for (const file of ['compose.yaml', 'compose-union.yaml', 'compose-shared.yaml'])
  test(`${file} has known keys, services and volumes, and starts nsqlookupd with flags that it has`, () => {
    const { services, volumes } = parseYaml(read(file), { merge: true }) as Composed;
    const known = [
      'build',
      'cap_drop',
      'command',
      'depends_on',
      'deploy',
      'image',
      'ports',
      'read_only',
      'restart',
      'security_opt',
      'volumes',
    ];
    for (const [name, service] of Object.entries(services)) {
      for (const key of Object.keys(service)) assert.ok(known.includes(key), `${name}: ${key}`);
      const { depends_on: needs = [] } = service;
      for (const need of Array.isArray(needs) ? (needs as string[]) : Object.keys(needs))
        assert.ok(need in services, need);
      for (const volume of service.volumes ?? []) assert.ok(volume.replace(/:.*/, '') in volumes, volume);
      for (const [, host = ''] of service.command.join(' ').matchAll(/lookupd-\w+-address=([\w-]+):/g))
        assert.ok(host in services);
      if (!service.image) assert.ok(Object.keys(parseFlags(service.command, SETTINGS)).length > 0);
      else assert.match(service.image, /^(?:nsqio\/nsq:v|redis:)\d[\d.]+(?:-alpine)?$/);
    }
  });

describe('the Kubernetes manifests', () => {
  const KINDS = { Deployment, NetworkPolicy, PodDisruptionBudget, Service, StatefulSet };
  const documentsOf = (file: string) =>
    parseAllDocuments(read(`kubernetes/${file}`)).map(
      (document) => document.toJS() as { apiVersion: string; kind: keyof typeof KINDS; spec: object },
    );
  const documents = documentsOf('nsqlookupd.yaml');
  const union = documentsOf('union.yaml');
  const shared = documentsOf('shared.yaml');

  test('are of the kinds that it takes, and valid', () => {
    const common = ['NetworkPolicy', 'PodDisruptionBudget', 'Service'];
    assert.deepEqual(documents.map(({ kind }) => kind).sort(), [...common, 'StatefulSet']);
    assert.deepEqual(union.map(({ kind }) => kind).sort(), ['Deployment', ...common]);
    const redis = ['Deployment', 'NetworkPolicy', 'Service'];
    assert.deepEqual(shared.map(({ kind }) => kind).sort(), [...common, ...redis, 'Deployment'].sort());
    for (const document of [...documents, ...union, ...shared]) {
      const Kind = KINDS[document.kind];
      assert.equal(document.apiVersion, Kind.apiVersion);
      new Kind(document as never).validate();
    }
    const [service] = documents;
    assert.throws(() => new Service({ ...service, spec: { ports: 5 } } as never).validate());
  });

  /** What the compiler says of documents as literals, which may have no key that their type has not; of each list by itself. */
  function misspelt(
    ...lists: readonly (readonly { readonly apiVersion: string; readonly kind: string }[])[]
  ): string[] {
    mkdirSync('build/deploy', { recursive: true });
    const paths = lists.map((documents, i) => {
      const code = documents.map((document, n) => {
        const from = `kubernetes-models/${document.apiVersion}/${document.kind}`;
        return `import type { I${document.kind} as K${n} } from '${from}';\nexport const d${n}: K${n} = ${JSON.stringify(document)};\n`;
      });
      writeFileSync(`build/deploy/manifests-${i}.mts`, code.join(''));
      return `build/deploy/manifests-${i}.mts`;
    });
    const options: ts.CompilerOptions = {
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2022.d.ts'],
      types: [],
      strict: true,
      noEmit: true,
      skipLibCheck: true,
    };
    const said = new Compiler().check(paths, options);
    return paths.map((path) => said.split('\n').filter((line) => line.includes(basename(path))).join('\n')); // prettier-ignore
  }

  test('misspell no key', T, () => {
    const wrong = JSON.parse(JSON.stringify(documents).replace('"readinessProbe"', '"readyProbe"')) as typeof documents;
    const [right, misspeltOnes = ''] = misspelt([...documents, ...union, ...shared], wrong);
    assert.equal(right, '');
    assert.match(misspeltOnes, /readyProbe/);
  });

  test('start nsqlookupd with flags that it has, and fit together', () => {
    const text = JSON.stringify(documents);
    const [, args = ''] = /"args":\["([^"]*)"\]/.exec(text) ?? [];
    assert.deepEqual(Object.keys(parseFlags([args], SETTINGS)), ['broadcast-address']);
    const [, unionArgs = ''] = /"args":\["([^"]*)"\]/.exec(JSON.stringify(union)) ?? [];
    assert.deepEqual(parseFlags([unionArgs], SETTINGS), { 'lookupd-http-address': ['nsqlookupd:4161'] });
    const [, sharedArgs = ''] = /"args":\["([^"]*)"\]/.exec(JSON.stringify(shared)) ?? [];
    assert.deepEqual(parseFlags([sharedArgs], SETTINGS), { 'shared-redis': 'redis://nsqlookupd-redis:6379' });
    const label = { 'app.kubernetes.io/name': 'nsqlookupd' };
    const monitor = parseYaml(read('kubernetes/service-monitor.yaml')) as {
      spec: { selector: { matchLabels: object }; endpoints: readonly { port: string }[] };
    };
    assert.deepEqual(monitor.spec.selector.matchLabels, label);
    assert.match(text, new RegExp(`"name":"${monitor.spec.endpoints[0]?.port}","port":4161`));
    assert.ok(text.split(JSON.stringify(label)).length > 6);
  });

  test('the ServiceMonitor has known keys', () => {
    const known = ['apiVersion', 'kind', 'metadata', 'name', 'labels', 'app.kubernetes.io/name', 'spec', 'selector'];
    known.push('matchLabels', 'endpoints', 'port', 'path', 'interval');
    const [keys, text] = [new Set<string>(), read('kubernetes/service-monitor.yaml')];
    JSON.stringify(parseYaml(text), (key, value: unknown) => {
      if (!/^\d*$/.test(key)) keys.add(key);
      return value;
    });
    assert.deepEqual([...keys].sort(), known.sort());
  });
});

test('every file that was never run says so in its head', () => {
  const files = readdirSync('deploy', { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.yaml$|Dockerfile$/.test(name),
  );
  assert.ok(files.length >= 4);
  for (const file of files)
    assert.match(read(file).split('\n').slice(0, 6).join(' '), /never (?:built|run|applied)|no cluster/, file);
});
