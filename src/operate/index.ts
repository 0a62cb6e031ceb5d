export { createMetrics, type CreateMetricsOptions } from './metrics.js';
export { Meters, type MetersOptions, type PeerMeter } from './meters.js';
export type { Metric, Sample } from './metric.js';
export type { UsedLimit } from './limits.js';
export type { PromRegistry } from './prometheus-text.js';
export { metricsRoutes, type MetricsOptions } from './metrics-routes.js';
export type { Condition } from './condition.js';
export { healthRoutes, type HealthOptions } from './health-routes.js';
export { statsRoutes, type StatsOptions } from './stats-routes.js';
export { DEFAULT_SETTLE_MS, discoveryRoutes, type DiscoveryOptions } from './discovery-routes.js';
export { openApiRoutes, type OpenApiOptions } from './open-api-routes.js';
export { toOpenApi, type OpenApiDocument, type OpenApiOperation } from './open-api.js';
export type { Clock } from '../base/clock.js';
export type { OnError } from '../base/error-report.js';
export { FINDING_KINDS, type Finding, type FindingKind, type Findings } from './findings.js';
export type { AnnouncedAddress } from './findings-arrivals.js';
export type { FindingsLimit } from './findings-checks.js';
export type { Probe, Resolve } from './findings-network.js';
export {
  createFindings,
  DEFAULT_FINDINGS_MAX_AGE_MS,
  DEFAULT_FINDINGS_NETWORK_TIMEOUT_MS,
  DEFAULT_FINDINGS_PING_INTERVAL_MS,
  type FindingsOptions,
  type FindingsSource,
} from './findings-routes.js';
export type { Found } from './findings-look.js';
