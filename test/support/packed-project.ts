import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const TIMEOUT_MS = 120_000;

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, { readonly import: { readonly default: string } }>>;
}

/** The package as npm packs it, installed into a project of its own that lies far from this repository. */
export class PackedProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'nsqlookupd-packed-'));
  readonly tarball: string;
  /** What is in the tarball, by path. */
  readonly files: readonly string[];
  readonly manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  /** As in the manifest: `.`, `./registry`, … */
  readonly subpaths = Object.keys(this.manifest.exports).filter((path) => path !== './package.json');

  constructor() {
    // Without its scripts: prepack would build again, under the feet of the tests that run beside this one.
    const packed = run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', this.folder]);
    const [report] = JSON.parse(packed) as { filename: string; files: { path: string }[] }[];
    this.tarball = join(this.folder, report!.filename);
    this.files = report!.files.map(({ path }) => path);
    this.write('package.json', '{ "private": true }');
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional'];
    run('npm', ['install', ...quiet, this.tarball], this.folder);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The packages in its node_modules. */
  get packages(): string[] {
    return readdirSync(join(this.folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  }

  write(path: string, text: string): string {
    writeFileSync(join(this.folder, path), text);
    return join(this.folder, path);
  }

  /** Runs Node in the project, and answers its standard output. */
  node(...args: string[]): string {
    return run(process.execPath, args, this.folder);
  }

  /** Loads each of those in a thread of its own, and answers which files of its node_modules that loaded. */
  loadedByEach(names: readonly string[], how: 'import' | 'require', ...flags: string[]): Map<string, string[]> {
    const script = this.write('load-each.cjs', LOAD_EACH);
    const loaded = JSON.parse(this.node(...flags, script, how, ...names)) as Record<string, string[]>;
    return new Map(Object.entries(loaded).map(([name, urls]) => [name, this.#installed(urls)]));
  }

  /** Runs Node in the project, and answers which files of its node_modules that loaded. */
  loadedBy(...args: string[]): string[] {
    const folder = mkdtempSync(join(this.folder, 'coverage-'));
    spawn(process.execPath, args, this.folder, { NODE_V8_COVERAGE: folder });
    const urls = readdirSync(folder).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
      return result.map(({ url }) => url);
    });
    return this.#installed(urls);
  }

  /** Those that lie in its node_modules, by their path there. */
  #installed(urls: readonly string[]): string[] {
    const installed = join(this.folder, 'node_modules');
    const files = urls.map((url) => (url.startsWith('file:') ? fileURLToPath(url) : url)).filter(isAbsolute);
    return files.map((path) => relative(installed, path)).filter((path) => !path.startsWith('..'));
  }
}

/** A thread has modules of its own, and costs less than a process. */
const LOAD_EACH = `
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const { once } = require('node:events');
const { Session } = require('node:inspector');

async function main([how, ...names]) {
  const loaded = {};
  for (const name of names) {
    const worker = new Worker(__filename, { workerData: { how, name } });
    [loaded[name]] = await once(worker, 'message');
  }
  console.log(JSON.stringify(loaded));
}

async function load({ how, name }) {
  const session = new Session();
  const urls = [];
  session.connect();
  session.on('Debugger.scriptParsed', ({ params }) => urls.push(params.url));
  session.post('Debugger.enable');
  if (how === 'import') await import(name);
  else require(name);
  parentPort.postMessage(urls);
  session.disconnect();
}

if (isMainThread) void main(process.argv.slice(2));
else void load(workerData);
`;

/** Runs a command of this repository's node_modules there, and answers what it printed. */
export function runTool(name: string, ...args: string[]): string {
  return run(resolve('node_modules/.bin', name), args);
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr } = spawn(command, args, cwd);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

function spawn(
  command: string,
  args: readonly string[],
  cwd?: string,
  env: Readonly<Record<string, string>> = {},
): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, env: { ...process.env, ...env }, encoding: 'utf8', timeout: TIMEOUT_MS });
}
