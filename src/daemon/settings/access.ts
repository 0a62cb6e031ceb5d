import { PRODUCER_ADDRESSES } from '../access-options.js';
import { BOOLEAN, list, NETWORK, oneOf, STRING, stringTable } from '../setting-kinds.js';
import { row } from './setting.js';

const ALL: readonly string[] = [];
const NONE = {};

const networks = (help: string, option: 'readFrom' | 'writeFrom' | 'registerFrom', atLimit: string) =>
  row(list(NETWORK), ALL, help, { option, none: ALL, defaultText: 'all', atLimit });

/** Who may read, write and register, and where producers are found. */
export const ACCESS_SETTINGS = {
  'auth-token-file': row(
    STRING,
    '',
    'path to a file of lines TOKEN read|write, or cn:NAME read|write for a certificate; read again on SIGHUP and when it changes',
    { option: 'authTokenFile', none: '', atLimit: '401 `UNAUTHORIZED`, 403 `FORBIDDEN`' },
  ),
  'read-from': networks('networks that may read over HTTP', 'readFrom', '403 `FORBIDDEN`'),
  'write-from': networks('networks that may write over HTTP', 'writeFrom', '403 `FORBIDDEN`'),
  'register-from': networks('networks whose peers may register', 'registerFrom', '`E_INVALID`, closed'),
  'trusted-proxy': row(list(NETWORK), ALL, 'networks of proxies whose X-Forwarded-For is trusted to name the client', {
    option: 'trustedProxies',
    none: ALL,
  }),
  'read-only': row(BOOLEAN, false, 'let nobody write over HTTP', { option: 'readOnly', atLimit: '403 `READ_ONLY`' }),
  'metrics-open': row(BOOLEAN, false, 'let anybody ask for /metrics', { option: 'metricsOpen' }),
  'healthz-open': row(BOOLEAN, true, 'let anybody ask for /healthz', { option: 'healthzOpen' }),
  'readyz-open': row(BOOLEAN, true, 'let anybody ask for /readyz', { option: 'readyzOpen' }),
  'producer-address': row(
    oneOf('where', ...PRODUCER_ADDRESSES),
    'announced',
    "where consumers find a producer: announced (where it says) or remote (the peer's own address)",
    { option: 'producerAddress' },
  ),
  rewrite: row(
    stringTable('network-or-name=address', '"10.1.0.0/16" = "nsqd.example.com"'),
    NONE,
    'other addresses of producers, by the network that they come from or the name that they announce; in the config file a table',
    { option: 'rewrite', none: NONE },
  ),
};
