import {
  encodePeerMessage,
  encodeReply,
  MAGIC_V1,
  PeerDecoder,
  ReplyDecoder,
  type Announcement,
  type ErrorCode,
  type Fault,
  type Identity,
  type PeerLimits,
  type PeerMessage,
  type Reply,
} from 'nsqlookupd/protocol';

export function claims(): Record<string, boolean> {
  const identity: Identity = {
    broadcastAddress: 'host.example.com',
    hostname: 'host',
    tcpPort: 4150,
    httpPort: 4151,
    version: '1.3.0',
    topologyZone: '',
    topologyRegion: '',
  };
  const sent: PeerMessage[] = [
    { type: 'magic' },
    { type: 'identify' },
    { type: 'identity', identity },
    { type: 'register', topic: 'orders', channel: 'billing' },
    { type: 'ping' },
  ];
  const limits: PeerLimits = { maxLineBytes: 1_024 };
  const decoder = new PeerDecoder(limits);
  for (const message of sent) decoder.push(encodePeerMessage(message));
  const received: (PeerMessage | Fault)[] = [];
  for (let message = decoder.next(); message; message = decoder.next()) received.push(message);
  const [magic, , identified, registered] = received;

  const announcement: Announcement = {
    broadcastAddress: 'lookupd',
    hostname: 'lookupd',
    tcpPort: 4160,
    httpPort: 4161,
    version: '1.3.0',
  };
  const code: ErrorCode = 'E_INVALID';
  const replies: Reply[] = [
    { type: 'ok' },
    { type: 'announcement', announcement },
    { type: 'error', code, reason: '' },
  ];
  const client = new ReplyDecoder({ maxReplyBytes: 1_024 });
  const answers = replies.map((reply) => {
    client.push(encodeReply(reply));
    return client.next();
  });

  const wrong = new PeerDecoder();
  wrong.push(new Uint8Array([32, 32, 86, 50]));
  const fault = wrong.next();

  return {
    'a peer is read as it wrote': received.map(({ type }) => type).join() === sent.map(({ type }) => type).join(),
    'the magic is of version 1': magic?.type === 'magic' && MAGIC_V1.endsWith('V1'),
    'an identity arrives': identified?.type === 'identity' && identified.identity.httpPort === 4151,
    'a topic arrives': registered?.type === 'register' && registered.channel === 'billing',
    'an answer arrives': answers.map((answer) => answer?.type).join() === 'ok,announcement,error',
    'a fault is a value': fault?.type === 'fault' && fault.reason !== '' && wrong.end() === undefined,
  };
}
