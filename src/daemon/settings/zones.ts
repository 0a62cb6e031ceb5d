import { ZONE_POLICIES, type ZoneTable } from '../../http/index.js';
import { oneOf, stringTable, type Kind } from '../setting-kinds.js';
import { row } from './setting.js';

const NONE: ZoneTable = {};

/** Where the flag has zones alone, the config file may have regions as well. */
const ZONES: Kind<ZoneTable> = {
  ...(stringTable('network=zone', '"10.0.1.0/24" = "zone-a"') as Kind<ZoneTable>),
  isEntry: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([name, each]) => ['zone', 'region'].includes(name) && typeof each === 'string'),
};

/** Whether lookups heed where the caller is. */
export const ZONE_SETTINGS = {
  'zone-policy': row(
    oneOf('off|prefer|order', ...ZONE_POLICIES),
    'off',
    "whether /lookup names only the nearest producers (prefer), or all, those of the caller's zone and region first (order)",
    { option: 'zonePolicy' },
  ),
  zones: row(
    ZONES,
    NONE,
    'zones of callers that do not state one, by network; in the config file a table, also of { zone = "zone-a", region = "eu" }',
    { option: 'zones', none: NONE },
  ),
};
