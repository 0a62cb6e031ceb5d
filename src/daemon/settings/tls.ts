import { ADDRESS_OR_NONE, BOOLEAN, oneOf, STRING } from '../setting-kinds.js';
import { DEFAULT_TLS_MIN_VERSION, TLS_CLIENT_AUTH_POLICIES, TLS_VERSIONS } from '../tls.js';
import { row } from './setting.js';

/** Ports over TLS, and with what it is spoken; named as nsqd's. */
export const TLS_SETTINGS = {
  'https-address': row(ADDRESS_OR_NONE, '', 'host:port to listen on for HTTPS; port 0 picks a free one', {
    option: 'httpsAddress',
    none: '',
  }),
  'tcp-tls-address': row(ADDRESS_OR_NONE, '', 'host:port to listen on for peers over TLS; port 0 picks a free one', {
    option: 'tcpTlsAddress',
    none: '',
  }),
  'tls-cert': row(STRING, '', 'path to the certificate in PEM; read again on SIGHUP and when it changes', {
    option: 'tlsCert',
    none: '',
  }),
  'tls-key': row(STRING, '', "path to the certificate's key in PEM; read again with it", {
    option: 'tlsKey',
    none: '',
  }),
  'tls-root-ca-file': row(
    STRING,
    '',
    "path to the CA certificates in PEM that clients' must be signed by; read again with it",
    {
      option: 'tlsRootCaFile',
      none: '',
    },
  ),
  'tls-client-auth-policy': row(
    oneOf('policy', ...TLS_CLIENT_AUTH_POLICIES, ''),
    '',
    'what is asked of clients: require (any certificate) or require-verify (one that a root CA signed)',
    { option: 'tlsClientAuthPolicy', none: '', atLimit: 'the handshake fails' },
  ),
  'tls-min-version': row(
    oneOf('version', ...TLS_VERSIONS),
    DEFAULT_TLS_MIN_VERSION,
    `the lowest version of TLS: ${TLS_VERSIONS.join(', ')}`,
    { option: 'tlsMinVersion', atLimit: 'the handshake fails' },
  ),
  'tls-required': row(
    BOOLEAN,
    false,
    'answer 403 TLS_REQUIRED on the plain HTTP port to all but /ping, /healthz and /readyz',
    {
      option: 'tlsRequired',
      onlyGiven: true,
      defaultText: 'true with an https-address and a tls-client-auth-policy',
      atLimit: '403 `TLS_REQUIRED`',
    },
  ),
};
