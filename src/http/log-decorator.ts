import { formatDuration } from '../base/duration.js';
import { isThenable, printError, type OnError } from '../base/error-report.js';
import { toSafeLogger } from '../base/logger.js';
import { aClock, aFunction, checkOptions, logger, required, type Checks } from '../base/options.js';
import type { Clock, Logger } from '../registry/index.js';
import { assertHandler } from './decorate.js';
import type { HttpDecorator, HttpRequest, HttpResult } from './http-message.js';

/** What a log decorator is made of. */
export interface LogDecoratorOptions {
  /** Gets the lines, at its level `info`. */
  readonly log: Logger;
  /** In milliseconds; measures how long an answer took. */
  readonly clock: Clock;
  /** Gets what the logger threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<LogDecoratorOptions> = { log: required(logger), clock: required(aClock), onError: aFunction };

/**
 * Logs every request that the handler answers, as nsqlookupd does:
 * `200 GET /lookup?topic=t (127.0.0.1:43036) 13.36µs`. The clock measures how long the answer took.
 * A request that the handler leaves to the host is not logged. What the clock throws goes to whoever called the handler, what
 * the logger throws to `onError`. Throws a TypeError that names the option when one is unknown, missing, or of the wrong kind.
 *
 * @example
 * ```js
 * import { createHttpHandler, createLogDecorator, decorate, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const log = createLogDecorator({ log: console, clock: () => performance.now() });
 * const handler = decorate(createHttpHandler({ topology }), log);
 * ```
 */
export function createLogDecorator(options: LogDecoratorOptions): HttpDecorator {
  const { log: given, clock, onError = printError } = checkOptions('createLogDecorator', options, CHECKS);
  const log = toSafeLogger(given, onError);
  return (handler) => {
    assertHandler(handler);
    if (!log.info) return handler;
    return (request) => {
      const start = clock();
      const write = (result: HttpResult): HttpResult => {
        if (result) log.info?.(`${result.status} ${describe(request)} ${formatDuration(clock() - start)}`);
        return result;
      };
      const result = handler(request);
      return isThenable(result) ? result.then(write) : write(result);
    };
  };
}

function describe({ method, basePath = '', path, sentPath = path, query, remoteAddress = '-' }: HttpRequest): string {
  return `${method} ${basePath}${sentPath}${query === '' ? '' : `?${query}`} (${remoteAddress})`;
}
