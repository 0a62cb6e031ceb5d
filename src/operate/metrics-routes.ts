import { createSteadyClock, type Clock } from '../base/clock.js';
import { printError, report, type OnError } from '../base/error-report.js';
import { aClock, aFunction, checkOptions, required, withMethods, type Checks } from '../base/options.js';
import type { HttpRequest, HttpResponse, RouteRow } from '../http/index.js';
import { qualityOf } from './accept.js';
import { describeFailure, failure, text } from './answers.js';
import { keptForASecond } from './kept.js';
import { metricsCheck, type Metric } from './metric.js';
import { addTo, loadPromClient, OPEN_METRICS, TEXT, type PromRegistry } from './prometheus-text.js';

/** What `/metrics` is made of. */
export interface MetricsOptions {
  /** What it tells, such as `createMetrics` makes. */
  readonly metrics: readonly Metric[];
  /**
   * A `Registry` of prom-client that the metrics are added to: all that is in it is told, in its own format. Default: one of
   * their own, in Prometheus' text format or OpenMetrics, as the client wants.
   */
  readonly registry?: PromRegistry | undefined;
  /** What the second is measured with for which a text is kept: milliseconds. Default: `createSteadyClock()`. */
  readonly clock?: Clock | undefined;
  /** Is told once that prom-client is not there. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

const CHECKS: Checks<MetricsOptions> = {
  metrics: required(metricsCheck),
  registry: withMethods('a Registry of prom-client', 'registerMetric', 'metrics'),
  clock: aClock,
  onError: aFunction,
};

const FORMATS = [TEXT, OPEN_METRICS] as const;
type Format = (typeof FORMATS)[number];

/**
 * Makes `/metrics`. The text is made by prom-client, an optional dependency that is loaded at the first scrape: without it the
 * answer is 501. A text is made once a second at the most; who asks
 * meanwhile gets the same. Throws a TypeError when an option is
 * unknown, missing or of the wrong kind, and what `registry` throws when it has a metric of the same name.
 *
 * @example
 * ```js
 * import { createRouter, RegistrationDB, Topology } from 'nsqlookupd';
 * import { createMetrics, metricsRoutes } from 'nsqlookupd/operate';
 *
 * const topology = new Topology({ db: new RegistrationDB() });
 * const handler = createRouter(metricsRoutes({ metrics: createMetrics({ topology }) }));
 * const answer = await handler({ method: 'GET', path: '/metrics', query: '', headers: {} });
 * console.log(String(answer?.body).includes('nsqlookupd_peers 0')); // true
 * ```
 */
export function metricsRoutes(options: MetricsOptions): readonly RouteRow[] {
  const { metrics, registry, onError = printError } = checkOptions('metricsRoutes', options, CHECKS);
  const { clock = createSteadyClock() } = options;
  if (registry) for (const metric of metrics) addTo(registry, metric);
  let own: Promise<ReadonlyMap<Format, PromRegistry> | undefined> | undefined;

  const load = async () => {
    try {
      const { Registry } = await loadPromClient();
      const registries = FORMATS.map((format) => [format, new Registry(format as never)] as const);
      for (const [, made] of registries) for (const metric of metrics) addTo(made, metric);
      return new Map(registries);
    } catch (error) {
      report(onError, error, 'no metrics without prom-client: npm install prom-client');
      return undefined; // it does not come by itself
    }
  };
  const tell = async (format: Format): Promise<HttpResponse> => {
    const asked = registry ?? (await (own ??= load()))?.get(format);
    return asked ? text(await asked.metrics(), asked.contentType) : failure(501, 'PROM_CLIENT_NOT_INSTALLED');
  };
  const told = new Map(FORMATS.map((format) => [format, keptForASecond(clock, () => tell(format))]));
  const answer = ({ headers }: HttpRequest) => told.get(wanted(String(headers['accept'] ?? '')))!();
  const about = {
    summary: 'the metrics, for Prometheus',
    answers: {
      200: {
        description: 'text or OpenMetrics, as Accept has it',
        content: { 'text/plain': { type: 'string' }, 'application/openmetrics-text': { type: 'string' } },
      },
      501: describeFailure('PROM_CLIENT_NOT_INSTALLED'),
    },
  };
  return [{ method: 'GET', path: '/metrics', action: { name: 'metrics', kind: 'read' }, about, answer }];
}

/** OpenMetrics only for a client that names it, and would not rather have the other. */
function wanted(accept: string): Format {
  if (!accept.toLowerCase().includes('application/openmetrics-text')) return TEXT;
  const quality = qualityOf(accept, 'application/openmetrics-text');
  return quality > 0 && quality >= qualityOf(accept, 'text/plain') ? OPEN_METRICS : TEXT;
}
