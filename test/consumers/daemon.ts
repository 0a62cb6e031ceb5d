import {
  createLogger,
  createLookupd,
  createSystemClock,
  formatDuration,
  LOG_LEVELS,
  PACKAGE_VERSION,
  parseDuration,
  runCommand,
  type DaemonLogger,
  type Lookupd,
  type LookupdOptions,
} from 'nsqlookupd/daemon';
import { RegistrationDB } from 'nsqlookupd/registry';

export async function claims(): Promise<Record<string, boolean>> {
  const lines: string[] = [];
  const clock = createSystemClock();
  const log: DaemonLogger = createLogger({ level: 'debug', clock, write: (line) => lines.push(line) });
  const db = new RegistrationDB();
  const options: LookupdOptions = {
    tcpAddress: '127.0.0.1:0',
    httpAddress: '127.0.0.1:0',
    tombstoneLifetimeMs: 100,
    maxConnections: 10,
    httpIdleTimeoutMs: 1_000,
    db,
    clock,
    log,
  };
  const lookupd: Lookupd = createLookupd(options);
  await lookupd.listen();
  const { tcpAddress, httpAddress } = lookupd;
  lookupd.topology.createTopic('orders');
  const response = await fetch(`http://${String(httpAddress)}/topics`);
  const text = await response.text();
  await lookupd[Symbol.asyncDispose]();
  await lookupd.closed;

  return {
    'it listens on ports of its own': tcpAddress !== undefined && tcpAddress !== httpAddress,
    'it serves the db it was given': text === '{"topics":["orders"]}' && lookupd.db === db,
    'it logs': lines.length > 0 && LOG_LEVELS[0] === 'debug',
    'it ends': lookupd.httpAddress === undefined,
    durations: parseDuration('1m30s') === 90_000 && formatDuration(300_000) === '5m0s',
    'the command takes flags': (await runCommand(['-version'])) === 0 && /^\d+\.\d+\.\d+/.test(PACKAGE_VERSION),
  };
}
