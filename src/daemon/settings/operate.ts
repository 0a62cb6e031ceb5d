import { BOOLEAN, oneOf } from '../setting-kinds.js';
import { LOG_FORMATS } from '../stderr-logger.js';
import { row } from './setting.js';

/** What there is for whoever runs the command. */
export const OPERATE_SETTINGS = {
  'log-format': row(
    oneOf('text|json', ...LOG_FORMATS),
    'text',
    'text as nsqlookupd logs it, or json: one object per line',
  ),
  metrics: row(BOOLEAN, true, 'whether to answer /metrics, for Prometheus', { option: 'metrics' }),
  healthz: row(BOOLEAN, true, 'whether to answer /healthz', { option: 'healthz' }),
  readyz: row(BOOLEAN, true, 'whether to answer /readyz', { option: 'readyz' }),
  stats: row(BOOLEAN, false, 'whether to answer /stats, which nsqlookupd does not', { option: 'stats' }),
  discovery: row(BOOLEAN, true, 'whether to answer /sd/nsqd, with which Prometheus finds nsqds', {
    option: 'discovery',
  }),
  openapi: row(BOOLEAN, true, 'whether to answer /openapi.json', { option: 'openApi' }),
};
