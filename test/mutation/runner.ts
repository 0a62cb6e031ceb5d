// A test runner for Stryker: all tests in one process, and those first that noticed the last changes.
import { register } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import type { InstrumenterContext, StrykerOptions } from '@stryker-mutator/api/core';
import { commonTokens, declareClassPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  toMutantRunResult,
  type DryRunResult,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
} from '@stryker-mutator/api/test-runner';
import fc from 'fast-check';
import type * as Collect from './collect.js';
import { Watchdog } from './watchdog.js';

const COLLECT = new URL('collect.js', import.meta.url).href;
const HOOKS = `export const resolve = (name, context, next) =>
  name === 'node:test' && context.parentURL !== '${COLLECT}' ? { url: '${COLLECT}', shortCircuit: true } : next(name, context);`;

/** What is changed is noticed within a few runs of a property, or hardly ever. */
process.env['SHARE_OF_RUNS'] = '0.05';
fc.configureGlobal({ numRuns: 20, endOnFailure: true });

/** Tests that take more of the processor's time are left out: a change that survives costs the time of them all. */
const MAX_TEST_CPU_MS = 400;

/**
 * How often one test may reach what is changed, by how often all tests together reach it unchanged. Stryker's own limit is a
 * hundred times that, and takes minutes to reach.
 */
const HIT_FACTOR = 10;
const LEAST_HIT_LIMIT = 10_000;
const STRYKERS_HIT_FACTOR = 100;

type Instrumented = { [K in keyof InstrumenterContext]: InstrumenterContext[K] | undefined };
type Tests = ReadonlyMap<string, Collect.CollectedTest>;

class Together implements TestRunner {
  static readonly inject = tokens(commonTokens.options);

  readonly #files: readonly string[];
  readonly #stryker: Instrumented;
  readonly #watchdog = new Watchdog();
  #tests: Tests | undefined;
  /** The tests that have noticed a change, the last one last. */
  readonly #noticed = new Set<string>();

  constructor(options: StrykerOptions) {
    this.#files = options['together'] as readonly string[];
    this.#stryker = (globalThis as { __stryker__?: Instrumented }).__stryker__ ??= {};
  }

  /** A change of what runs as a file is imported wants a new process. */
  capabilities(): { reloadEnvironment: boolean } {
    return { reloadEnvironment: false };
  }

  /** Tells of the tests with the shortest first, in which order Stryker then asks for them. */
  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = [];
    for (const test of (await this.#load()).values()) {
      const before = process.cpuUsage();
      const result = await this.#run(test);
      if (process.cpuUsage(before).user <= MAX_TEST_CPU_MS * 1000) tests.push(result);
      else delete this.#stryker.mutantCoverage?.perTest[test.id];
    }
    tests.sort((a, b) => a.timeSpentMs - b.timeSpentMs);
    return { status: DryRunStatus.Complete, tests, mutantCoverage: this.#stryker.mutantCoverage! };
  }

  /** Runs tests until one fails. Throws an error if that one fails without the change as well: then a new process is asked. */
  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    const { activeMutant, mutantActivation, testFilter } = options;
    if (this.#watchdog.hasEnded(activeMutant.id))
      return { status: MutantRunStatus.Timeout, reason: 'a test does not end' };
    const isStatic = mutantActivation === 'static';
    const hitLimit =
      options.hitLimit && Math.max((options.hitLimit / STRYKERS_HIT_FACTOR) * HIT_FACTOR, LEAST_HIT_LIMIT);
    if (!isStatic) await this.#load();
    Object.assign(this.#stryker, { activeMutant: activeMutant.id, hitCount: 0, hitLimit });
    let all: Tests;
    try {
      all = await this.#load();
    } catch (error) {
      // A constant without which nothing can be imported.
      return { status: MutantRunStatus.Killed, failureMessage: inspect(error), killedBy: [], nrOfTests: 0 };
    }
    const wanted = new Set(testFilter ?? all.keys());
    const results: TestResult[] = [];
    for (const id of new Set([...[...this.#noticed].reverse(), ...wanted])) {
      if (!wanted.has(id)) continue;
      const result = await this.#run(all.get(id)!);
      results.push(result);
      if (result.status !== TestStatus.Failed) continue;
      this.#stryker.activeMutant = undefined;
      this.#noticed.delete(id);
      this.#noticed.add(id);
      if (isStatic || (await this.#run(all.get(id)!)).status === TestStatus.Success) break;
      throw new Error(`${id} fails without the change as well`);
    }
    this.#stryker.activeMutant = undefined;
    return toMutantRunResult({ status: DryRunStatus.Complete, tests: results });
  }

  async #load(): Promise<Tests> {
    if (this.#tests) return this.#tests;
    register(`data:text/javascript,${encodeURIComponent(HOOKS)}`);
    const { collect } = (await import(COLLECT)) as typeof Collect;
    const tests: Collect.CollectedTest[] = [];
    for (const name of this.#files) {
      tests.push(...(await collect(pathToFileURL(resolve(`build/test/${name}.test.js`)).href)));
    }
    return (this.#tests = new Map(tests.map((test) => [test.id, test])));
  }

  async #run(test: Collect.CollectedTest): Promise<TestResult> {
    Object.assign(this.#stryker, { currentTestId: test.id, hitCount: 0 });
    this.#watchdog.begin(this.#stryker.activeMutant);
    const begin = performance.now();
    const failure = await test.run();
    const { hitCount = 0, hitLimit = Infinity } = this.#stryker;
    const failureMessage = hitCount > hitLimit ? `what is changed is reached ${hitCount} times` : failure;
    const { id, fileName } = test;
    const common = { id, name: id, fileName, timeSpentMs: performance.now() - begin };
    return failureMessage === undefined
      ? { ...common, status: TestStatus.Success }
      : { ...common, status: TestStatus.Failed, failureMessage };
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'together', Together)];
