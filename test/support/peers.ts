import type { Identity } from 'nsqlookupd/protocol';
import type { PeerInfo } from 'nsqlookupd/registry';

export function identityOf(host: string, fields: Partial<Identity> = {}): Identity {
  return {
    broadcastAddress: `${host}.test`,
    hostname: host,
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
    ...fields,
  };
}

export function peerOf(host: string, fields: Partial<PeerInfo> = {}): PeerInfo {
  const address = `${host}:50000`;
  return { id: address, remoteAddress: address, lastUpdateMs: 0, ...identityOf(host), ...fields };
}
