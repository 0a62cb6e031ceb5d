import type { RouteRow } from '../http/index.js';
import {
  createMetrics,
  metricsRoutes,
  statsRoutes,
  type Condition,
  type Meters,
  type Metric,
  type UsedLimit,
} from '../operate/index.js';
import { DEFAULT_MAX_REGISTRATIONS, DEFAULT_MAX_REGISTRY_BYTES, type Logger } from '../registry/index.js';
import { DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_UNFINISHED_BYTES } from '../tcp/index.js';
import { DEFAULT_HTTP_MAX_CONNECTIONS } from './http-server.js';
import type { LookupdOptions } from './lookupd-options.js';
import type { OperatedParts } from './operation.js';
import { createProcessMetrics, type ProcessMetrics } from './process-metrics.js';
import type { DaemonLogger } from './stderr-logger.js';

/** What `/metrics` and `/stats` are made of. */
export interface OwnMetrics {
  readonly process: ProcessMetrics;
  readonly metrics: () => RouteRow;
  readonly stats: () => RouteRow;
}

interface Counted {
  readonly meters: Meters;
  /** Conditions for being ready: each says what is in the way. */
  readonly conditions: readonly Condition[];
}

/** Makes it. Throws what a registry of the host's throws that has a metric of the same name. */
export function createOwnMetrics(
  options: LookupdOptions,
  parts: OperatedParts,
  { meters, conditions }: Counted,
): OwnMetrics {
  const { metricsRegistry: registry, log } = options;
  const { topology, onError } = parts;
  const limits = limitsOf(options, parts);
  const process = createProcessMetrics();
  const others = [...process.metrics, ...parts.others(), ...lookupdMetrics(parts, log, conditions)];
  const metrics = createMetrics({ topology, meters, limits, others });
  const told = options.metrics === true ? metricsRoutes({ metrics, registry, onError }) : [];
  const [stats] = options.stats === true ? statsRoutes({ metrics, limits, conditions, onError }) : [];
  return { process, metrics: () => told[0]!, stats: () => stats! };
}

function limitsOf(
  options: LookupdOptions,
  { topology, tcpHandler, httpConnections }: OperatedParts,
): readonly UsedLimit[] {
  const { db } = topology;
  const limit = (name: keyof LookupdOptions, standard: number, used: () => number): UsedLimit => {
    return { name, most: (options[name] as number | undefined) ?? standard, used };
  };
  return [
    limit('maxRegistrations', DEFAULT_MAX_REGISTRATIONS, () => db.size),
    limit('maxRegistryBytes', DEFAULT_MAX_REGISTRY_BYTES, () => db.bytes),
    limit('maxConnections', DEFAULT_MAX_CONNECTIONS, () => tcpHandler().connections),
    limit('maxUnfinishedBytes', DEFAULT_MAX_UNFINISHED_BYTES, () => tcpHandler().unfinishedBytes),
    limit('httpMaxConnections', DEFAULT_HTTP_MAX_CONNECTIONS, httpConnections),
  ];
}

function lookupdMetrics(parts: OperatedParts, log: Logger | undefined, conditions: readonly Condition[]) {
  const isReady = () => conditions.every((condition) => condition() === undefined);
  const { tcpHandler, httpConnections, watchers, warmRestart } = parts;
  const one = (value: number) => [{ labels: {}, value }];
  const connections = () => [
    { labels: { listener: 'tcp' }, value: tcpHandler().connections },
    { labels: { listener: 'http' }, value: httpConnections() },
  ];
  const linesLost = () => (log as Partial<DaemonLogger> | undefined)?.linesLost ?? 0;
  const metrics: readonly Metric[] = [
    { name: 'nsqlookupd_connections', help: 'Open connections, by listener.', type: 'gauge', samples: connections },
    {
      name: 'nsqlookupd_ready',
      help: 'Whether it is ready: 1, or 0.',
      type: 'gauge',
      samples: () => one(isReady() ? 1 : 0),
    },
    {
      name: 'nsqlookupd_log_lines_lost_total',
      help: 'Log lines that were dropped, as nobody read the log.',
      type: 'counter',
      samples: () => one(linesLost()),
    },
    { name: 'nsqlookupd_watchers', help: 'Clients that watch.', type: 'gauge', samples: () => one(watchers()) },
    {
      name: 'nsqlookupd_restored_peers',
      help: 'Peers of before a restart that are answered for, as they are not back yet.',
      type: 'gauge',
      samples: () => one(warmRestart()?.restoredPeers ?? 0),
    },
    {
      name: 'nsqlookupd_save_failures_total',
      help: 'How often the registry could not be saved.',
      type: 'counter',
      samples: () => one(warmRestart()?.failures ?? 0),
    },
  ];
  return metrics;
}
