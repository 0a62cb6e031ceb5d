import type { UnionHandler } from '../client/index.js';
import { createFindings, type Found, type Metric } from '../operate/index.js';
import type { OnError, Topology } from '../registry/index.js';
import type { RouteRow } from '../http/index.js';
import type { LookupdOptions } from './lookupd-options.js';
import { createOperation } from './operation.js';
import { resolveName } from './own-findings.js';
import { createProfiles } from './profiles.js';
import type { TlsLoader } from './tls-reload.js';

interface UnionParts {
  readonly handler: () => UnionHandler;
  readonly httpConnections: () => number;
  /** What is in the way of being ready. */
  readonly state: () => string | undefined;
  readonly onError: OnError;
  readonly tls: Pick<TlsLoader, 'metrics' | 'findings'>;
}

const STATES = ['up', 'grace', 'down', 'starting'] as const;
/** A union has no peers of its own. */
const NO_PEERS = { connections: 0, unfinishedBytes: 0 };

/** What a union has for whoever runs it, beside its own `/healthz`, `/readyz` and `/stats`. */
export function createUnionOperation(
  options: LookupdOptions,
  topology: Topology,
  { handler, httpConnections, state, onError, tls }: UnionParts,
) {
  const { commandLine, zonePolicy, findings: areFindingsWanted, pprof } = options;
  const lookupds: Metric = {
    name: 'nsqlookupd_union_lookupds',
    help: 'The lookupds that it answers for, by how they stand.',
    type: 'gauge',
    samples: () => {
      const states = handler().lookupds.map((lookupd) => lookupd.state);
      return STATES.map((state) => ({ labels: { state }, value: states.filter((each) => each === state).length }));
    },
  };
  const operation = createOperation(
    { ...options, healthz: false, readyz: false, stats: false },
    {
      topology,
      steadyClock: topology.clock,
      onError,
      httpConnections,
      state,
      others: () => [lookupds, ...tls.metrics],
      notes: [],
      tcpHandler: () => NO_PEERS,
      httpHandler: handler,
      watchers: () => handler().watchers,
      warmRestart: () => undefined,
    },
  );
  const down = (): readonly Found[] =>
    handler().lookupds.flatMap(({ address, reason }) =>
      reason === undefined ? [] : [{ kind: 'union-lookupd-down', subject: address, seen: reason }],
    );
  const more = () => [...down(), ...tls.findings()];
  // Who is silent is known to the lookupds.
  const toFindings = () =>
    createFindings({ topology, more, zonePolicy, pingIntervalMs: Infinity, resolve: resolveName }).routes;
  const profiles = pprof === true ? createProfiles({ commandLine }) : undefined;
  const routes: readonly RouteRow[] = [
    ...operation.routes,
    ...(areFindingsWanted === true ? toFindings() : []),
    ...(profiles?.routes ?? []),
  ];
  return {
    routes,
    decorators: operation.decorators,
    onLimit: operation.meters?.peers.limit,
    start: operation.start,
    stop: () => {
      operation.stop();
      profiles?.close();
    },
  };
}
