import type { Clock } from '../base/clock.js';
import { isThenable } from '../base/error-report.js';
import type { Logger } from '../base/logger.js';
import { createRefusalLog } from '../base/refusal-log.js';
import type { Verdict } from '../session/index.js';
import type { Admit } from './tcp-handler-options.js';

/** Logs whom it refuses, once a minute a source. */
export function logRefusals(admit: Admit, log: Logger, clock: Clock): Admit {
  const whenDue = createRefusalLog(clock);
  const look = (remoteAddress: string, verdict: Verdict): Verdict => {
    if ('refused' in verdict) {
      whenDue(remoteAddress, () => log.error?.(`client(${remoteAddress}) refused - ${verdict.refused}`));
    }
    return verdict;
  };
  return (identity, caller) => {
    const verdict = admit(identity, caller);
    const { remoteAddress } = caller;
    return isThenable(verdict) ? verdict.then((late) => look(remoteAddress, late)) : look(remoteAddress, verdict);
  };
}
