import type { Logger } from '../registry/index.js';
import { watchFiles } from './watched-files.js';

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
  /** Reloads when a file changes. Gives back what ends it. */
  readonly watch: () => () => void;
}

/** `reloaded` is told after each time but the first. */
export function createLoading(loaders: readonly Loader[], log: Logger, reloaded = () => {}): Loading {
  const reload = () => {
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
    load: () => loaders.forEach(({ load }) => load()),
    reload,
    watch: () => {
      const files = loaders.flatMap((loader) => loader.files);
      const unwatch = watchFiles(files, reload);
      const reminder = setInterval(() => loaders.forEach(({ remind }) => remind?.()), REMIND_MS);
      reminder.unref();
      return () => {
        unwatch();
        clearInterval(reminder);
      };
    },
  };
}
