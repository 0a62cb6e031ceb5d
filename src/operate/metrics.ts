import { anArray, checkOptions, required, withMethods, type Checks } from '../base/options.js';
import type { Topology } from '../registry/index.js';
import { limitMetrics, type UsedLimit } from './limits.js';
import type { Meters } from './meters.js';
import { metricsCheck, type Metric } from './metric.js';
import { registryMetrics } from './registry-metrics.js';

/** What is to be measured. */
export interface CreateMetricsOptions {
  /** Whose registry. */
  readonly topology: Topology;
  /** What has counted peers and requests. Default: nothing has. */
  readonly meters?: Meters | undefined;
  /** Limits, of which it is told how near they are. Default: none. */
  readonly limits?: readonly UsedLimit[] | undefined;
  /** Metrics beside these. Default: none. */
  readonly others?: readonly Metric[] | undefined;
}

const CHECKS: Checks<CreateMetricsOptions> = {
  topology: required(withMethods('a Topology', 'producers', 'deletingTopic')),
  meters: withMethods('Meters', 'decorator'),
  limits: anArray,
  others: metricsCheck,
};

/**
 * Puts together what there is to tell of a lookupd, for `metricsRoutes` and `statsRoutes`. The registry is counted once
 * a second at the most, in steps. Throws a TypeError when an option is unknown, missing or of
 * the wrong kind, and for two metrics of one name.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology } from 'nsqlookupd';
 * import { createMetrics } from 'nsqlookupd/operate';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const metrics = createMetrics({ topology, limits: [{ name: 'maxRegistrations', most: 1000, used: () => topology.db.size }] });
 * console.log(metrics.some(({ name }) => name === 'nsqlookupd_limit_used_ratio')); // true
 * ```
 */
export function createMetrics(options: CreateMetricsOptions): readonly Metric[] {
  const { topology, meters, limits, others = [] } = checkOptions('createMetrics', options, CHECKS);
  const metrics = [
    ...registryMetrics(topology),
    ...(meters?.metrics ?? []),
    ...(limits ? limitMetrics(limits) : []),
    ...others,
  ];
  const names = new Set<string>();
  for (const { name } of metrics) {
    if (names.has(name)) throw new TypeError(`there are two metrics named ${name}`);
    names.add(name);
  }
  return metrics;
}
