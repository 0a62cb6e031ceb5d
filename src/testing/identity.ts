import { aNumber, text, type Checks } from '../base/options.js';
import { parseTcpAddress } from '../base/host-port.js';
import type { Identity } from '../protocol/index.js';

/** What a test makes up may be wrong, and is of the right kind. */
export const IDENTITY_CHECKS: Checks<Partial<Identity>> = {
  broadcastAddress: text,
  hostname: text,
  tcpPort: aNumber,
  httpPort: aNumber,
  version: text,
  topologyZone: text,
  topologyRegion: text,
};

const MAX_PORT = 65_535;

/**
 * What an nsqd 1.3.0 at `host:port` tells about itself: its HTTP port is the next one. Throws a TypeError for another name.
 *
 * @example
 * ```js
 * import { createIdentity } from 'nsqlookupd/testing';
 *
 * console.log(createIdentity('host-1:4150').httpPort); // 4151
 * ```
 */
export function createIdentity(name: string): Identity {
  const { host, port } = parseTcpAddress(name);
  return {
    broadcastAddress: host,
    hostname: host,
    tcpPort: port,
    httpPort: port === MAX_PORT ? port - 1 : port + 1,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
  };
}
