import { aBoolean, anArray, withMethods, type Checks } from '../base/options.js';
import type { HttpDecorator, RoutedHandler, RouteRow } from '../http/index.js';
import {
  discoveryRoutes,
  healthRoutes,
  Meters,
  openApiRoutes,
  type Condition,
  type Metric,
  type PromRegistry,
} from '../operate/index.js';
import type { OnError, Topology } from '../registry/index.js';
import type { TcpHandler } from '../tcp/index.js';
import type { WarmRestartStatus } from '../store/index.js';
import type { LookupdOptions } from './lookupd-options.js';
import { createOwnMetrics, type OwnMetrics } from './own-metrics.js';

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
  /** Conditions for being ready, beyond having started and not closing: each says what is in the way. Default: none. */
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
  readonly others: () => readonly Metric[];
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
  const { metrics, metricsRegistry, stats, readyWhen = [] } = options;
  const { topology, onError } = parts;
  const conditions = [parts.state, ...readyWhen];
  const meters = metrics === true || stats === true ? new Meters() : undefined;
  let made: OwnMetrics | undefined;
  const own = () => (made ??= createOwnMetrics(options, parts, { meters: meters!, conditions }));
  // A host's registry may have a metric of the same name, and `/stats` tells the time since it was made.
  if (stats === true || (metrics === true && metricsRegistry)) own();
  const [healthz, readyz] = healthRoutes({ conditions, notes: parts.notes, onError });
  const routesOf = (isWanted: boolean | undefined, make: () => readonly RouteRow[]) =>
    isWanted === true ? make() : [];
  return {
    meters,
    decorators: meters ? [meters.decorator(() => parts.httpHandler().routes)] : [],
    routes: [
      ...routesOf(metrics, () => [madeLater('metrics', () => own().metrics())]),
      ...routesOf(stats, () => [madeLater('stats', () => own().stats())]),
      ...routesOf(options.healthz, () => [healthz!]),
      ...routesOf(options.readyz, () => [readyz!]),
      ...routesOf(options.discovery, () => discoveryRoutes({ topology, conditions, onError })),
      ...routesOf(options.openApi, () => openApiRoutes({ routes: () => parts.httpHandler().routes })),
    ],
    start: () => meters && own().process.start(),
    stop: () => made?.process.stop(),
  };
}

/** A row `GET /NAME` that reads, which is made when it is first asked for: what few want costs no start. */
function madeLater(name: string, make: () => RouteRow): RouteRow {
  let made: RouteRow | undefined;
  const row = () => (made ??= make());
  return {
    method: 'GET',
    path: `/${name}`,
    action: { name, kind: 'read' },
    get about() {
      return row().about;
    },
    answer: (request) => row().answer(request),
  };
}
