import type { Steps } from '../base/work-queue.js';
import { isActive, topicRegistration, type PeerInfo, type Topology } from '../registry/index.js';
import type { FindingList } from './findings.js';

/** The zones that peers are in, and their regions. */
export type Zones = Map<string, string>;

const MAX_ZONES = 1000;
const MAX_NAMED = 3;

export function noteZone(zones: Zones, { topologyZone, topologyRegion }: PeerInfo): void {
  if (topologyZone !== '' && zones.size < MAX_ZONES) zones.set(topologyZone, topologyRegion);
}

/** Whether a topic has producers in several zones, and of some no consumer of another zone is told. */
export function* checkZones(topology: Topology, zones: Zones, topic: string, list: FindingList): Steps {
  if (zones.size < 2) return;
  const now = topology.clock();
  const own: Zones = new Map();
  for (const producer of topology.db.producersOf(topicRegistration(topic))) {
    const { topologyZone, topologyRegion } = producer.peer;
    if (isActive(producer, now, topology.lifetimes)) own.set(topologyZone, topologyRegion);
    yield;
  }
  if (own.size < 2) return;
  const regions = new Set(own.values());
  const openRegions = new Set<string>();
  for (const [zone, region] of zones) {
    yield;
    if (own.has(zone)) continue;
    if (region === '' || !regions.has(region)) return; // who asks from there is told of all
    openRegions.add(region);
  }
  const alone = [...own].filter(([, region]) => !openRegions.has(region)).map(([zone]) => zone || 'no zone');
  if (alone.length === 0) return;
  const named = alone.slice(0, MAX_NAMED).join(', ') + (alone.length > MAX_NAMED ? ', …' : '');
  list.add('zone-alone', topic, () => `producers in ${named} are named to no consumer of another zone`);
}
