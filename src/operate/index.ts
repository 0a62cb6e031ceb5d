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
