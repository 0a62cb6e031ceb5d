import { answerNotFound, createHttpHandler, NSQLOOKUPD_VERSION } from 'nsqlookupd/http';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createTcpHandler } from 'nsqlookupd/tcp';
import type { Scenario, ScenarioConnection, ScenarioTarget } from 'nsqlookupd/testing';
import { bodyOf } from './body.js';
import { parseGoDuration } from './go-duration.js';
import { MemoryStream } from './memory-stream.js';
import type { SyncHttpHandler } from './sync-handler.js';

/** Both handlers over one topology, without a socket, and with a clock that `sleep` turns. */
export function createMemoryLookupd({ options = {} }: Pick<Scenario, 'options'>): ScenarioTarget & AsyncDisposable {
  let now = 1_790_000_000_000;
  let port = 40_000;
  const facts = { tcp_port: 4160, http_port: 4161, hostname: 'memory', version: NSQLOOKUPD_VERSION };
  const ms = (option: string) => (options[option] === undefined ? undefined : parseGoDuration(options[option]));
  const inactive = ms('inactive-producer-timeout');
  const tombstone = ms('tombstone-lifetime');
  const topology = new Topology({
    db: new RegistrationDB(),
    clock: () => now,
    ...(inactive !== undefined && { inactiveProducerTimeoutMs: inactive }),
    ...(tombstone !== undefined && { tombstoneLifetimeMs: tombstone }),
  });
  const tcp = createTcpHandler({
    topology,
    announce: {
      broadcastAddress: 'lookupd.test',
      hostname: facts.hostname,
      tcpPort: facts.tcp_port,
      httpPort: facts.http_port,
      version: facts.version,
    },
  });
  const http = createHttpHandler({ topology }) as SyncHttpHandler;

  return {
    facts,
    open: () => Promise.resolve(connect(tcp, `127.0.0.1:${++port}`)),
    http: (method, target, headers) => {
      const [path = '', ...query] = target.split('?');
      const lowerCase = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
      const request = {
        method,
        path,
        query: query.join('?'),
        headers: Object.fromEntries(lowerCase) as Record<string, string>,
      };
      const response = http(request) ?? answerNotFound();
      const { status, headers: sent } = response;
      const lower = Object.entries(sent).map(([name, value]) => [name.toLowerCase(), value]);
      const answer = { status, headers: Object.fromEntries(lower) as Record<string, string>, text: bodyOf(response) };
      return Promise.resolve(answer);
    },
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(tcp.close()),
  };
}

function connect(
  tcp: (stream: MemoryStream, info: { remoteAddress: string }) => void,
  address: string,
): ScenarioConnection {
  const stream = new MemoryStream();
  let pending = Buffer.alloc(0);
  tcp(stream, { remoteAddress: address });
  return {
    address,
    send: (bytes) => Promise.resolve(stream.send(bytes)),
    receive: () => {
      pending = Buffer.concat([pending, stream.take()]);
      if (pending.length === 0) return Promise.resolve(stream.ended || stream.destroyed ? 'closed' : 'timeout');
      const end = 4 + pending.readInt32BE(0);
      const payload = pending.subarray(4, end);
      pending = pending.subarray(end);
      return Promise.resolve(payload);
    },
    end: () => Promise.resolve(stream.sendEnd()),
    close: () => Promise.resolve(stream.destroy()),
  };
}
