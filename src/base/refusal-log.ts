import type { Clock } from './clock.js';
import { toSource } from './networks.js';

const EVERY_MS = 60_000;
const MAX_SOURCES = 1000;

/**
 * Lets a source have its line once a minute: whoever is refused comes back, as nsqd does, again and again. `write` gets how many
 * refusals of that source went without a line. Where more than 1,000 sources are refused in a minute, the others have none.
 */
export function createRefusalLog(clock: Clock): (remoteAddress: string, write: (unlogged: number) => void) => void {
  const sources = new Map<string, { loggedAtMs: number; unlogged: number }>();
  const makeRoom = (now: number) => {
    for (const [source, { loggedAtMs }] of sources) {
      if (now - loggedAtMs < EVERY_MS) return; // they stand in the order of their lines
      sources.delete(source);
    }
  };
  return (remoteAddress, write) => {
    const source = toSource(remoteAddress);
    const now = clock();
    const known = sources.get(source);
    if (known && now - known.loggedAtMs < EVERY_MS) {
      known.unlogged++;
      return;
    }
    sources.delete(source);
    if (sources.size >= MAX_SOURCES) makeRoom(now);
    if (sources.size >= MAX_SOURCES) return;
    sources.set(source, { loggedAtMs: now, unlogged: 0 });
    write(known?.unlogged ?? 0);
  };
}
