import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';

const EVERY_MS = 60_000;
const MAX_SOURCES = 1000;

/** Logs that a peer was refused, once a minute a source: a peer that is refused comes back, as nsqd does, again and again. */
export function createRefusalLog(log: Logger, clock: Clock): (remoteAddress: string, reason: string) => void {
  const loggedAtMs = new Map<string, number>();
  return (remoteAddress, reason) => {
    const source = remoteAddress.replace(/:\d+$/, '');
    const now = clock();
    if (now - (loggedAtMs.get(source) ?? -Infinity) < EVERY_MS) return;
    if (loggedAtMs.size >= MAX_SOURCES) loggedAtMs.clear();
    loggedAtMs.set(source, now);
    log.error?.(`client(${remoteAddress}) refused - ${reason}`);
  };
}
