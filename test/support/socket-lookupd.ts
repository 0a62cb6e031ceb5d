import { hostname } from 'node:os';
import { createLookupd } from 'nsqlookupd/daemon';
import { NSQLOOKUPD_VERSION } from 'nsqlookupd/http';
import { createSocketTarget, type Scenario, type ScenarioTarget } from 'nsqlookupd/testing';
import { parseGoDuration } from './go-duration.js';

/** A fresh lookupd in this process, on sockets, with a clock that `sleep` turns. */
export async function createSocketLookupd({
  options = {},
}: Pick<Scenario, 'options'>): Promise<ScenarioTarget & AsyncDisposable> {
  let now = 1_790_000_000_000;
  const ms = (option: string) => (options[option] === undefined ? undefined : parseGoDuration(options[option]));
  const lookupd = createLookupd({
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    broadcastAddress: 'lookupd.test',
    clock: () => now,
    inactiveProducerTimeoutMs: ms('inactive-producer-timeout'),
    tombstoneLifetimeMs: ms('tombstone-lifetime'),
  });
  const addresses = await lookupd.listen();
  return {
    ...createSocketTarget({ ...addresses, hostname: hostname(), version: NSQLOOKUPD_VERSION }),
    sleep: (sleptMs) => {
      now += sleptMs;
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => lookupd.close(),
  };
}
