import { createSteadyClock, type Clock } from '../base/clock.js';
import { printError, type OnError } from '../base/error-report.js';
import { aClock, aFunction, anArray, checkOptions, required, type Checks } from '../base/options.js';
import { PACKAGE_VERSION } from '../base/version.js';
import type { JsonSchema, RouteRow } from '../http/index.js';
import { NSQLOOKUPD_VERSION } from '../registry/index.js';
import { describeJson, json } from './answers.js';
import { conditionsCheck, reasonsOf, type Condition } from './condition.js';
import { keptForASecond } from './kept.js';
import { usedPart, type UsedLimit } from './limits.js';
import { metricsCheck, type Metric } from './metric.js';

/** What `/stats` is made of. */
export interface StatsOptions {
  /** What it tells, such as `createMetrics` makes. */
  readonly metrics: readonly Metric[];
  /** Limits, of which it tells how near they are. Default: none. */
  readonly limits?: readonly UsedLimit[] | undefined;
  /** Conditions for being ready: each says what is in the way. Default: none. */
  readonly conditions?: readonly Condition[] | undefined;
  /** What the time since this call is measured with: milliseconds. Default: `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** Gets what a condition threw. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<StatsOptions> = {
  metrics: required(metricsCheck),
  limits: anArray,
  conditions: conditionsCheck,
  clock: aClock,
  onError: aFunction,
};

const STRING: JsonSchema = { type: 'string' };
const NUMBER: JsonSchema = { type: 'number' };
const exactly = (properties: Readonly<Record<string, JsonSchema>>, ...optional: readonly string[]): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
});
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const STATS = exactly({
  version: STRING,
  package_version: STRING,
  uptime_seconds: NUMBER,
  ready: { type: 'boolean' },
  reasons: listOf(STRING),
  limits: listOf(exactly({ name: STRING, most: { type: ['number', 'null'] }, used: NUMBER, used_ratio: NUMBER })),
  metrics: {
    type: 'object',
    additionalProperties: listOf(
      exactly({ series: STRING, labels: { type: 'object', additionalProperties: STRING }, value: NUMBER }, 'series'),
    ),
  },
});

/**
 * Makes `/stats`: what the metrics say as JSON, the time since this was called, limits and how near they are. A limit that is
 * `Infinity` is `null`. Throws a TypeError when an option is unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { createRouter, RegistrationDB, Topology } from 'nsqlookupd';
 * import { createMetrics, statsRoutes } from 'nsqlookupd/operate';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const handler = createRouter(statsRoutes({ metrics: createMetrics({ topology }) }));
 * const answer = await handler({ method: 'GET', path: '/stats', query: '', headers: {} });
 * console.log(JSON.parse(String(answer?.body)).metrics.nsqlookupd_peers[0].value); // 0
 * ```
 */
export function statsRoutes(options: StatsOptions): readonly RouteRow[] {
  const checked = checkOptions('statsRoutes', options, CHECKS);
  const { metrics, limits = [], conditions = [], clock = createSteadyClock(), onError = printError } = checked;
  const startMs = clock();
  const answer = keptForASecond(clock, async () => {
    const entries = metrics.map(async ({ name, samples }) => {
      const told = [...(await samples())].map(({ suffix, labels, value }) => ({
        ...(suffix && { series: `${name}${suffix}` }),
        labels,
        value,
      }));
      return [name, told] as const;
    });
    const reasons = reasonsOf(conditions, onError);
    return json({
      version: NSQLOOKUPD_VERSION,
      package_version: PACKAGE_VERSION,
      uptime_seconds: (clock() - startMs) / 1000,
      ready: reasons.length === 0,
      reasons,
      limits: limits.map((limit) => {
        return { name: limit.name, most: limit.most, used: limit.used(), used_ratio: usedPart(limit) };
      }),
      metrics: Object.fromEntries(await Promise.all(entries)),
    });
  });
  const about = {
    summary: 'what the metrics say, the uptime, limits and how near they are',
    answers: { 200: describeJson('the figures', STATS) },
  };
  return [{ method: 'GET', path: '/stats', action: { name: 'stats', kind: 'read' }, about, answer }];
}
