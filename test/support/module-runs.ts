import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** How a module ended. */
export interface Ending {
  readonly printed: string;
  readonly complained: string;
  readonly error?: string;
  /** What of it keeps the process alive. */
  readonly leftOpen: readonly string[];
}

const TIMEOUT_MS = 120_000;

/**
 * Runs modules one after another, in one process as starting one and loading the package is what takes long. `waitMs`: for how long
 * what a module has left open may take to end.
 */
export function runModules(script: string, paths: readonly string[], waitMs: number): Map<string, Ending> {
  const urls = paths.map((path) => [path, pathToFileURL(resolve(path)).href]);
  mkdirSync(dirname(script), { recursive: true });
  writeFileSync(script, `${RUN_ALL}\nawait runAll(${JSON.stringify(urls)}, ${waitMs});\n`);
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8', timeout: TIMEOUT_MS });
  const lines = stdout.split('\n').filter((line) => line !== '');
  assert.ok(lines.length > 0, stderr);
  return new Map(lines.map((line) => JSON.parse(line) as [string, Ending]));
}

const RUN_ALL = `
import { setTimeout as pause } from 'node:timers/promises';

const SLOW_MS = 20_000;

/** What keeps the process alive, beside what did before, and what is called so though it does not. */
function opened(before) {
  const others = [...before];
  return process.getActiveResourcesInfo().filter((name) => {
    const at = others.indexOf(name);
    if (at >= 0) others.splice(at, 1);
    return at < 0 && name !== 'IntervalHistogram';
  });
}

async function runAll(urls, waitMs) {
  const streams = ['stdout', 'stderr'];
  const writes = streams.map((name) => process[name].write.bind(process[name]));
  for (const [path, url] of urls) {
    const errors = [];
    const written = { stdout: '', stderr: '' };
    const fail = (error) => errors.push(error?.stack ?? String(error));
    for (const name of streams) process[name].write = (text) => ((written[name] += text), true);
    process.on('uncaughtException', fail);
    const before = process.getActiveResourcesInfo();
    const slow = new AbortController();
    const isSlow = pause(SLOW_MS, undefined, { signal: slow.signal }).then(() => { throw new Error('it does not end'); });
    await Promise.race([import(url), isSlow]).catch(fail);
    slow.abort();
    isSlow.catch(() => undefined);
    await pause(1); // for what it has begun and not awaited
    for (let waitedMs = 1; opened(before).length > 0 && waitedMs < waitMs; waitedMs *= 2) await pause(waitedMs);
    process.off('uncaughtException', fail);
    streams.forEach((name, i) => (process[name].write = writes[i]));
    if (process.exitCode) fail('exit code ' + process.exitCode);
    process.exitCode = 0;
    const ending = { printed: written.stdout, complained: written.stderr, error: errors[0], leftOpen: opened(before) };
    writes[0](JSON.stringify([path, ending]) + '\\n');
  }
  process.exit();
}`;
