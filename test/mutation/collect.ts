// Stands in for `node:test`, and keeps the tests instead of running them, so that one process can run them again and again.
import { mock } from 'node:test';
import { inspect } from 'node:util';

interface Context {
  after(release: () => unknown): void;
  diagnostic(message: string): void;
  readonly mock: typeof mock;
  skip(reason?: string): void;
}
type Body = (context: Context) => unknown;
interface Options {
  readonly skip?: unknown;
}
type Named<Body> = readonly [name: string, options: Options, body: Body] | readonly [name: string, body: Body];

export interface CollectedTest {
  readonly id: string;
  readonly fileName: string;
  /** Answers what failed, if anything did. */
  run(): Promise<string | undefined>;
}

/** How long the event loop may be idle within a test: what it waits for then never comes. */
const IDLE_MS = 1000;

/** Before a test takes its place. */
const { setImmediate } = globalThis;
const collected: CollectedTest[] = [];
const names: string[] = [];
let fileName = '';

/** Imports a test file, and answers its tests. */
export async function collect(path: string): Promise<readonly CollectedTest[]> {
  collected.length = 0;
  fileName = path;
  await import(path);
  return [...collected];
}

export function describe(...named: Named<() => void>): void {
  const { name, body } = partsOf(named);
  names.push(name);
  body();
  names.pop();
}

export function test(...named: Named<Body>): void {
  const { name, skip, body } = partsOf(named);
  if (skip) return;
  const id = [fileName.replace(/^.*\/|\.test\.js$/g, ''), ...names, name].join(' › ');
  collected.push({ id, fileName, run: () => run(body) });
}

function partsOf<Body>(named: Named<Body>): { readonly name: string; readonly skip?: unknown; readonly body: Body } {
  return named.length === 3 ? { name: named[0], ...named[1], body: named[2] } : { name: named[0], body: named[1] };
}

async function run(body: Body): Promise<string | undefined> {
  const releases: (() => unknown)[] = [];
  const context: Context = {
    after: (release) => void releases.push(release),
    diagnostic: () => undefined,
    mock,
    skip: () => undefined,
  };
  const watch = new Watch();
  try {
    await Promise.race([body(context), watch.ended]);
    await new Promise((resolve) => setImmediate(resolve)); // what was thrown beside it is told by then
    return watch.failure === undefined ? undefined : inspect(watch.failure);
  } catch (error) {
    return inspect(error);
  } finally {
    mock.reset();
    for (const release of releases.reverse()) {
      await Promise.race([release(), watch.ended]).catch(() => undefined);
    }
    watch.stop();
  }
}

/** What ends a test although it goes on: an error that nobody catches, and a loop that has nothing to do. */
class Watch {
  readonly ended: Promise<never>;
  failure: unknown;
  readonly stop: () => void;

  constructor() {
    const before = performance.eventLoopUtilization().idle;
    let end: (error: unknown) => void;
    this.ended = new Promise((_, reject) => (end = reject));
    this.ended.catch(() => undefined);
    const fail = (error: unknown) => {
      this.failure ??= error ?? new Error('a rejection with nothing');
      end(this.failure);
    };
    const timer = setInterval(() => {
      if (performance.eventLoopUtilization().idle - before > IDLE_MS) fail(new Error('waits for what never comes'));
    }, IDLE_MS / 4);
    process.on('uncaughtException', fail).on('unhandledRejection', fail);
    this.stop = () => {
      clearInterval(timer);
      process.off('uncaughtException', fail).off('unhandledRejection', fail);
    };
  }
}
