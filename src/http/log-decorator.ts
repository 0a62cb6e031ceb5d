import { isThenable } from '../base/error-report.js';
import { formatDuration } from '../base/duration.js';
import type { Clock, Logger } from '../registry/index.js';
import type { HttpDecorator, HttpRequest, HttpResult } from './http-message.js';

/**
 * Logs every request that the handler answers, as nsqlookupd does:
 * `200 GET /lookup?topic=t (127.0.0.1:43036) 13.36µs`. The clock measures how long the answer took.
 * A request that the handler leaves to the host is not logged. What the clock throws goes to whoever called the handler.
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
export function createLogDecorator({ log, clock }: { readonly log: Logger; readonly clock: Clock }): HttpDecorator {
  return (handler) => {
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

function describe({ method, basePath = '', path, query, remoteAddress = '-' }: HttpRequest): string {
  return `${method} ${basePath}${path}${query === '' ? '' : `?${query}`} (${remoteAddress})`;
}
