import { printError, type OnError } from '../base/error-report.js';
import { aFunction, checkOptions, type Checks } from '../base/options.js';
import type { RouteRow } from '../http/index.js';
import { describeJson, json, text } from './answers.js';
import { conditionsCheck, reasonsOf, type Condition } from './condition.js';

/** Options of `healthRoutes`, all of which may be left out. */
export interface HealthOptions {
  /** Conditions for being ready: each says what is in the way. Asked each time. Default: none. */
  readonly conditions?: readonly Condition[] | undefined;
  /** What is to be known though nothing is in the way: `/readyz` tells it as `notes`, if there is any. Default: nothing. */
  readonly notes?: readonly Condition[] | undefined;
  /** Gets what a condition threw, which counts as in the way. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<HealthOptions> = { conditions: conditionsCheck, notes: conditionsCheck, onError: aFunction };

const READINESS = {
  type: 'object',
  properties: {
    ready: { type: 'boolean' },
    reasons: { type: 'array', items: { type: 'string' } },
    notes: { type: 'array', items: { type: 'string' } },
  },
  required: ['ready', 'reasons'],
  additionalProperties: false,
};

/**
 * Makes the routes for whoever watches over the process: `/healthz` is answered 200 while the event loop turns, and `/readyz` 200,
 * or 503 with the reasons: `{"ready":false,"reasons":["starting"]}`. Throws a TypeError when an option is unknown or of the
 * wrong kind.
 *
 * @example
 * ```js
 * import { createRouter } from 'nsqlookupd';
 * import { healthRoutes } from 'nsqlookupd/operate';
 *
 * let isRestoring = true;
 * const handler = createRouter(healthRoutes({ conditions: [() => (isRestoring ? 'restoring' : undefined)] }));
 * const ready = () => handler({ method: 'GET', path: '/readyz', query: '', headers: {} });
 * console.log((await ready())?.body); // {"ready":false,"reasons":["restoring"]}
 * isRestoring = false;
 * console.log((await ready())?.status); // 200
 * ```
 */
export function healthRoutes(options?: HealthOptions): readonly RouteRow[] {
  const { conditions = [], notes = [], onError = printError } = checkOptions('healthRoutes', options, CHECKS);
  return [
    {
      method: 'GET',
      path: '/healthz',
      action: { name: 'healthz', kind: 'read' },
      about: {
        summary: 'whether the event loop turns',
        answers: { 200: { description: 'OK', content: { 'text/plain': { type: 'string' } } } },
      },
      answer: () => text('OK'),
    },
    {
      method: 'GET',
      path: '/readyz',
      action: { name: 'readyz', kind: 'read' },
      about: {
        summary: 'whether it is ready to be asked',
        answers: { 200: describeJson('ready', READINESS), 503: describeJson('not ready, and why', READINESS) },
      },
      answer: () => {
        const reasons = reasonsOf(conditions, onError);
        const known = reasonsOf(notes, onError);
        const body = { ready: reasons.length === 0, reasons, ...(known.length > 0 && { notes: known }) };
        return json(body, reasons.length === 0 ? 200 : 503);
      },
    },
  ];
}
