import { isThenable } from '../base/error-report.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Verdict } from '../session/index.js';
import type { Admit } from './tcp-handler-options.js';

const EVERY_MS = 60_000;
const MAX_SOURCES = 1000;

/** Logs whom it refuses, once a minute a source: a peer that is refused comes back, as nsqd does, again and again. */
export function logRefusals(admit: Admit, log: Logger, clock: Clock): Admit {
  const loggedAtMs = new Map<string, number>();
  const look = (remoteAddress: string, verdict: Verdict): Verdict => {
    if (!('refused' in verdict)) return verdict;
    const source = remoteAddress.replace(/:\d+$/, '');
    const now = clock();
    if (now - (loggedAtMs.get(source) ?? -Infinity) < EVERY_MS) return verdict;
    if (loggedAtMs.size >= MAX_SOURCES) loggedAtMs.clear();
    loggedAtMs.set(source, now);
    log.error?.(`client(${remoteAddress}) refused - ${verdict.refused}`);
    return verdict;
  };
  return (identity, caller) => {
    const verdict = admit(identity, caller);
    const { remoteAddress } = caller;
    return isThenable(verdict) ? verdict.then((late) => look(remoteAddress, late)) : look(remoteAddress, verdict);
  };
}
