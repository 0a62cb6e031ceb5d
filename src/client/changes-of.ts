import { setTimer } from '../base/timers.js';
import type { HttpLookupd } from './address.js';
import type { Json } from './found.js';
import { LookupdWatch, type WatchOptions } from './lookupd-watch.js';
import { Watched } from './watched.js';

export interface ChangesOptions<T> extends Omit<WatchOptions, 'signal' | 'onAnswer' | 'onFailure'> {
  readonly lookupds: () => Promise<readonly HttpLookupd[]>;
  readonly signal: AbortSignal | undefined;
  readonly follow: (watch: LookupdWatch) => Promise<void>;
  /** What is different from the last; undefined if nothing is. */
  readonly since: (last: T | undefined, watched: Watched) => T | undefined;
}

/** What several lookupds say together, now and after each change, until the signal or a `return`. */
export function changesOf<T>(options: ChangesOptions<T>): AsyncGenerator<T, void, undefined> {
  const watched = new Watched();
  const changes = generate(options, watched);
  const end = changes.return.bind(changes);
  // A generator that waits would only end with the next change.
  changes.return = (value) => {
    watched.end();
    return end(value);
  };
  return changes;
}

async function* generate<T>(options: ChangesOptions<T>, watched: Watched): AsyncGenerator<T, void, undefined> {
  const { lookupds, signal, follow, since, timers, intervalMs } = options;
  const end = () => watched.end();
  const start = (lookupd: HttpLookupd, ended: AbortSignal) => {
    // One that is no longer followed may have answered just before.
    const onAnswer = (json: Json) => !ended.aborted && watched.answered(lookupd.address, json);
    const onFailure = (error: Error) => !ended.aborted && watched.failed(lookupd.address, error);
    void follow(new LookupdWatch(lookupd, { ...options, signal: ended, onAnswer, onFailure }));
  };
  const refresh = async () => watched.follow(await lookupds(), start);
  let timer: unknown;
  const refreshLater = () => {
    // Those of before stay when nobody can say which there are.
    const again = () =>
      void refresh()
        .catch(() => undefined)
        .finally(refreshLater);
    if (!watched.isOver) timer = setTimer(timers, again, intervalMs);
  };
  signal?.addEventListener('abort', end, { once: true });
  if (signal?.aborted) end();
  try {
    await Promise.race([refresh(), watched.ended]);
    refreshLater();
    let last: T | undefined;
    for (;;) {
      await watched.changed();
      if (watched.isOver) return;
      const change = since(last, watched);
      if (change !== undefined) yield (last = change);
    }
  } finally {
    if (timer !== undefined) timers.clearTimeout(timer);
    signal?.removeEventListener('abort', end);
    watched.end();
  }
}
