import { parseTcpAddress } from '../client/address.js';
import type { Identity } from '../protocol/index.js';

/** What an nsqd 1.3.0 at `host:port` tells about itself: its HTTP port is the next one. TypeError for another name. */
export function createIdentity(name: string): Identity {
  const { host, port } = parseTcpAddress(name);
  return {
    broadcastAddress: host,
    hostname: host,
    tcpPort: port,
    httpPort: port + 1,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
  };
}
