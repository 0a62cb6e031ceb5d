import { isThenable, printError, type OnError } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import { aClock, aFunction, checkOptions, logger, required, type Checks } from '../base/options.js';
import { createRefusalLog } from '../base/refusal-log.js';
import type { Clock, Logger } from '../registry/index.js';
import { toCallerName } from './access-tokens.js';
import type { Caller } from './http-message.js';
import type { Action, Authorize, Refusal } from './route-row.js';

/** Who is told of refusals. */
export interface LogRefusalsOptions {
  /** Gets a line at its level `warn`, once a minute for each source: an IPv4 address, or 64 bits of an IPv6 address. */
  readonly log: Logger;
  /** In milliseconds; says when a minute is over. */
  readonly clock: Clock;
  /** Told of every refusal, to count it. */
  readonly onRefused?: ((refusal: Refusal, caller: Caller, action: Action) => void) | undefined;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<LogRefusalsOptions> = {
  log: required(logger),
  clock: required(aClock),
  onRefused: aFunction,
  onError: aFunction,
};

/**
 * An `Authorize` that asks another, and logs whom that refuses, and counts. Throws a TypeError that names the option when one is
 * unknown, missing, or of the wrong kind.
 *
 * @example
 * ```js
 * import { createHttpHandler, logRefusals, readOnly, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const log = { warn: console.log };
 * const handler = createHttpHandler({ topology, authorize: logRefusals(readOnly, { log, clock: Date.now }) });
 * const caller = { address: '192.0.2.1:5000' };
 * await handler({ method: 'POST', path: '/topic/create', query: 'topic=t', headers: {}, caller });
 * // logs HTTP: refused 192.0.2.1:5000 - 403 READ_ONLY POST topic/create
 * ```
 */
export function logRefusals(authorize: Authorize, options: LogRefusalsOptions): Authorize {
  aFunction('authorize', authorize);
  const { log: given, clock, onRefused, onError = printError } = checkOptions('logRefusals', options, CHECKS);
  const log = toSafeLogger(given, onError);
  const whenDue = createRefusalLog(clock);
  return (caller, action, request) => {
    const look = (verdict: true | Refusal): true | Refusal => {
      if (verdict === true) return verdict;
      if (verdict?.status !== 401 && verdict?.status !== 403) return verdict; // what is no refusal, the router tells of
      onRefused?.(verdict, caller, action);
      const { address = '-' } = caller;
      whenDue(address, (unlogged) => {
        const name = toCallerName(caller);
        const who = name === undefined ? address : `${address} (${name})`;
        const what = `${verdict.status} ${verdict.message ?? (verdict.status === 401 ? 'UNAUTHORIZED' : 'FORBIDDEN')}`;
        const more = unlogged === 0 ? '' : `, ${unlogged} more since the last line`;
        log.warn?.(`HTTP: refused ${who} - ${what} ${request.method} ${action.name}${more}`);
      });
      return verdict;
    };
    const judgement = authorize(caller, action, request);
    return isThenable(judgement) ? Promise.resolve(judgement).then(look) : look(judgement);
  };
}
