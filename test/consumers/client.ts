import {
  LookupClient,
  PeerClient,
  PeerConnection,
  RefusedError,
  type ClientTimers,
  type Connect,
  type FoundProducer,
  type FoundTopic,
  type LookupClientOptions,
  type PeerClientOptions,
} from 'nsqlookupd/client';

export function claims(): Record<string, boolean> {
  const options: LookupClientOptions = { lookupds: ['a:4161'], token: () => 'secret', timeoutMs: 1 };
  const client = new LookupClient(options);
  const look = (topic: string): Promise<FoundTopic> => client.lookup(topic, { signal: AbortSignal.timeout(1) });
  const addressOf = ({ broadcastAddress, tcpPort }: FoundProducer) => `${broadcastAddress}:${tcpPort}`;

  const timers: ClientTimers = { setTimeout: () => 0, clearTimeout: () => undefined };
  const connect: Connect = () => Promise.reject(new Error('down'));
  const peerOptions: PeerClientOptions = {
    lookupds: ['a:4160'],
    identity: { broadcastAddress: 'service', tcpPort: 1, httpPort: 2 },
    timers,
    connect,
  };
  const peer = new PeerClient(peerOptions);
  const log: string[] = [];
  peer.on('disconnected', (address, error) => log.push(`${address} ${error.message}`));

  let refused: unknown;
  try {
    new PeerClient({ ...peerOptions, lookupds: [] });
  } catch (error) {
    refused = error;
  }
  return {
    'a client asks': typeof look === 'function' && typeof addressOf === 'function',
    'a peer client has a status': peer.status[0]?.address === 'a:4160' && !peer.status[0].isConnected,
    'misuse is a TypeError': refused instanceof TypeError,
    'errors have codes': new RefusedError('E_INVALID', 'full').code === 'E_INVALID',
    'a connection can be made of any stream': typeof PeerConnection === 'function' && log.length === 0,
  };
}
