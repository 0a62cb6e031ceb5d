import { statSync } from 'node:fs';
import type { Logger } from '../registry/index.js';

/** How often it is looked whether files have changed. */
const LOOK_MS = 2000;
/** What was read once need not be as good a month later. */
const REMIND_MS = 24 * 3600 * 1000;

/** What is read from files, and again. */
export interface Loader {
  readonly files: readonly string[];
  /** Throws, and keeps what was there before, when a file is bad. */
  readonly load: () => void;
  /** Says again, once a day, what is wrong by now with what was read. */
  readonly remind?: () => void;
}

/** All loaders as one. */
export interface Loading {
  /** Throws for the first bad file. */
  readonly load: () => void;
  /** Logs what is bad, and loads the rest. */
  readonly reload: () => void;
  /**
   * Reloads when a file is another than when it was loaded, also where a link now names another, as in Kubernetes. Keeps no process
   * alive. Gives back what ends it.
   */
  readonly watch: () => () => void;
}

/** `reloaded` is told after each time but the first. */
export function createLoading(loaders: readonly Loader[], log: Logger, reloaded = () => {}): Loading {
  const files = loaders.flatMap((loader) => loader.files);
  let seen = '';
  const reload = () => {
    seen = stateOf(files);
    for (const { load } of loaders) {
      try {
        load();
      } catch (error) {
        log.error?.(`kept what was loaded before - ${(error as Error).message}`);
      }
    }
    reloaded();
  };
  return {
    load: () => {
      seen = stateOf(files); // before it is read: what changes from then on is noticed
      loaders.forEach(({ load }) => load());
    },
    reload,
    watch: () => {
      const look = () => {
        if (stateOf(files) !== seen) reload();
      };
      const remind = () => loaders.forEach((loader) => loader.remind?.());
      const timers = [setInterval(look, LOOK_MS), setInterval(remind, REMIND_MS)];
      for (const timer of timers) timer.unref();
      return () => timers.forEach((timer) => clearInterval(timer));
    },
  };
}

/** Differs when one of the files does. */
function stateOf(files: readonly string[]): string {
  const states = files.map((file) => {
    try {
      const { dev, ino, size, ctimeMs } = statSync(file);
      return `${dev} ${ino} ${size} ${ctimeMs}`;
    } catch {
      return ''; // to read it will say why
    }
  });
  return states.join();
}
