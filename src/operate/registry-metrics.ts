import { NSQLOOKUPD_VERSION, CLIENT, type Topology } from '../registry/index.js';
import { PACKAGE_VERSION } from '../base/version.js';
import { createCensus } from './census.js';
import { counter, gauge, type Metric, type Sample } from './metric.js';

/** What the registry holds, and which build it is. */
export function registryMetrics(topology: Topology): readonly Metric[] {
  const { db } = topology;
  const census = createCensus(topology);
  const by = (label: string, counts: Readonly<Record<string, number>>): readonly Sample[] =>
    Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }));
  return [
    {
      name: 'nsqlookupd_registrations',
      help: 'Registrations, by category.',
      type: 'gauge',
      samples: async () => by('category', (await census()).registrations),
    },
    {
      name: 'nsqlookupd_producers',
      help: 'Producers of topics: active, inactive (silent for too long) or tombstoned.',
      type: 'gauge',
      samples: async () => by('state', (await census()).producers),
    },
    gauge('nsqlookupd_peers', 'Peers that have identified themselves.', () => db.countProducers(CLIENT)),
    gauge('nsqlookupd_registry_bytes', 'Memory that the registry takes, about.', () => db.bytes),
    counter('nsqlookupd_registry_changes_total', 'Changes of the registry.', () => db.revision),
    {
      name: 'nsqlookupd_build_info',
      help: 'Always 1: the version of nsqlookupd that it answers as, and of the package.',
      type: 'gauge',
      samples: () => [{ labels: { version: NSQLOOKUPD_VERSION, package_version: PACKAGE_VERSION }, value: 1 }],
    },
  ];
}
