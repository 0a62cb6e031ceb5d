import type { Metric } from './metric.js';

/** What is needed of a `Registry` of prom-client. */
export interface PromRegistry {
  /** Adds a metric. Throws when there is one of that name. */
  registerMetric(metric: never): void;
  /** All metrics as text. */
  metrics(): Promise<string>;
  /** The media type of that text. */
  readonly contentType: string;
}

/** What prom-client is needed for. */
export interface PromClient {
  readonly Registry: new (contentType: never) => PromRegistry;
}

export const TEXT = 'text/plain; version=0.0.4; charset=utf-8';
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Adds a metric to a registry, which asks it when it is scraped. */
export function addTo(registry: PromRegistry, { name, help, type, samples }: Metric): void {
  const metric = {
    name,
    help,
    type,
    aggregator: 'sum',
    reset: () => undefined,
    // A registry of OpenMetrics takes `_total` off a counter's name, and puts it to its samples.
    async get() {
      const values = [...(await samples())].map(({ labels, value, suffix }) => {
        return { labels, value, ...(suffix && { metricName: `${name}${suffix}` }) };
      });
      return { name: metric.name, help, type, aggregator: 'sum', values };
    },
  };
  registry.registerMetric(metric as never);
}

/** Loads prom-client when it is first wanted. */
export async function loadPromClient(): Promise<PromClient> {
  return await import('prom-client');
}
