import { aBoolean, anArray, withMethods, type Checks } from '../base/options.js';
import type { HttpDecorator, RoutedHandler, RouteRow } from '../http/index.js';
import {
  createMetrics,
  discoveryRoutes,
  healthRoutes,
  Meters,
  metricsRoutes,
  openApiRoutes,
  statsRoutes,
  type Condition,
  type Metric,
  type PromRegistry,
  type UsedLimit,
} from '../operate/index.js';
import {
  DEFAULT_MAX_REGISTRATIONS,
  DEFAULT_MAX_REGISTRY_BYTES,
  type Logger,
  type OnError,
  type Topology,
} from '../registry/index.js';
import { DEFAULT_MAX_CONNECTIONS, DEFAULT_MAX_UNFINISHED_BYTES, type TcpHandler } from '../tcp/index.js';
import { DEFAULT_HTTP_MAX_CONNECTIONS } from './http-server.js';
import type { WarmRestartStatus } from '../store/index.js';
import type { LookupdOptions } from './lookupd-options.js';
import { createProcessMetrics } from './process-metrics.js';
import type { DaemonLogger } from './stderr-logger.js';

/** What there is for whoever runs a lookupd; all of it is off by default here, and most of it on in the command. */
export interface OperationOptions {
  /** Whether to count what happens, and answer `/metrics`. Default: false. */
  readonly metrics?: boolean | undefined;
  /** A `Registry` of prom-client that the metrics are added to; `/metrics` tells all that is in it. Default: one of their own. */
  readonly metricsRegistry?: PromRegistry | undefined;
  /** Whether to answer `/healthz`. Default: false. */
  readonly healthz?: boolean | undefined;
  /** Whether to answer `/readyz`. Default: false. */
  readonly readyz?: boolean | undefined;
  /** What may be in the way of being ready, beside starting and closing. Default: nothing. */
  readonly readyWhen?: readonly Condition[] | undefined;
  /** Whether to answer `/stats`. Default: false. */
  readonly stats?: boolean | undefined;
  /** Whether to answer `/sd/nsqd`. Default: false. */
  readonly discovery?: boolean | undefined;
  /** Whether to answer `/openapi.json`. Default: false. */
  readonly openApi?: boolean | undefined;
}

export const OPERATION_CHECKS: Checks<OperationOptions> = {
  metrics: aBoolean,
  metricsRegistry: withMethods('a Registry of prom-client', 'registerMetric', 'metrics'),
  healthz: aBoolean,
  readyz: aBoolean,
  readyWhen: anArray,
  stats: aBoolean,
  discovery: aBoolean,
  openApi: aBoolean,
};

/** The parts of a lookupd, which are asked for when somebody wants to know. */
export interface OperatedParts {
  readonly topology: Topology;
  readonly onError: OnError;
  readonly tcpHandler: () => Pick<TcpHandler, 'connections' | 'unfinishedBytes'>;
  readonly httpHandler: () => RoutedHandler;
  readonly httpConnections: () => number;
  readonly watchers: () => number;
  readonly warmRestart: () => WarmRestartStatus | undefined;
  /** What other parts have to tell. */
  readonly others: readonly Metric[];
  /** What is to be known though it is ready. */
  readonly notes: readonly Condition[];
  /** What the lookupd itself is at that is in the way of being ready. */
  readonly state: Condition;
}

/** What a lookupd has for whoever runs it. */
export interface Operation {
  readonly routes: readonly RouteRow[];
  readonly decorators: readonly HttpDecorator[];
  readonly meters: Meters | undefined;
  readonly start: () => void;
  readonly stop: () => void;
}

/** Puts together what the options ask for. */
export function createOperation(options: LookupdOptions, parts: OperatedParts): Operation {
  const { metrics, metricsRegistry: registry, stats, readyWhen = [] } = options;
  const { topology, onError } = parts;
  const conditions = [parts.state, ...readyWhen];
  const isReady = () => conditions.every((condition) => condition() === undefined);
  const limits = limitsOf(options, parts);
  const meters = metrics === true || stats === true ? new Meters() : undefined;
  const process = createProcessMetrics();
  const others = [...process.metrics, ...parts.others, ...lookupdMetrics(parts, options.log, isReady)];
  const known = meters ? createMetrics({ topology, meters, limits, others }) : [];
  const [healthz, readyz] = healthRoutes({ conditions, notes: parts.notes, onError });
  const routesOf = (isWanted: boolean | undefined, make: () => readonly RouteRow[]) =>
    isWanted === true ? make() : [];
  return {
    meters,
    decorators: meters ? [meters.decorator(() => parts.httpHandler().routes)] : [],
    routes: [
      ...routesOf(metrics, () => metricsRoutes({ metrics: known, registry, onError })),
      ...routesOf(stats, () => statsRoutes({ metrics: known, limits, conditions, onError })),
      ...routesOf(options.healthz, () => [healthz!]),
      ...routesOf(options.readyz, () => [readyz!]),
      ...routesOf(options.discovery, () => discoveryRoutes({ topology, conditions, onError })),
      ...routesOf(options.openApi, () => openApiRoutes({ routes: () => parts.httpHandler().routes })),
    ],
    start: () => meters && process.start(),
    stop: () => process.stop(),
  };
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

function lookupdMetrics(parts: OperatedParts, log: Logger | undefined, isReady: () => boolean) {
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
