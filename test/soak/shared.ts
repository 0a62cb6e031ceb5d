import { startRedis } from '../support/redis-server.js';
import { SharedProcesses } from '../support/shared-fleet-processes.js';

/** Three lookupds and sixty nsqds for ten minutes, or `SOAK_MINUTES`, with all that may go wrong; fails when they do not agree. */
const minutes = Number(process.env['SOAK_MINUTES'] ?? 10);
await using redis = await startRedis();
const fleet = await SharedProcesses.start(redis, 3, 60, Date.now() % 1000);
const stop = async (index: number, signal: NodeJS.Signals) => {
  await fleet.lookupds[index]!.stop(signal);
  await fleet.replace(index);
};
const faults: Readonly<Record<string, () => Promise<unknown>>> = {
  'connections killed': () => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
  'stream trimmed': () => redis.command('XTRIM', '{nsqlookupd}:shared:stream', 'MAXLEN', '0'),
  'all flushed': () => redis.command('FLUSHALL'),
  'a lookupd killed': () => stop(0, 'SIGKILL'),
  'a lookupd ended': () => stop(1, 'SIGTERM'),
  'Redis killed': async () => {
    await redis.stop();
    await fleet.churn(3000);
    await redis.start();
  },
  'Redis and a lookupd killed': async () => {
    await redis.stop();
    await stop(2, 'SIGKILL');
    await redis.start();
  },
  'a lookupd stopped for a minute': async () => {
    fleet.lookupds[0]!.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    fleet.lookupds[0]!.process.kill('SIGCONT');
  },
};
try {
  for (const endsAt = Date.now() + minutes * 60_000; Date.now() < endsAt;) {
    for (const [what, cause] of Object.entries(faults)) {
      const changes = await fleet.churn(5000);
      const quietMs = await fleet.agree('churn', 20_000);
      await cause();
      await fleet.churn(1000);
      const afterMs = await fleet.agree(what, 90_000);
      console.log(`${changes} changes, all agree after ${quietMs} ms; ${what}: after ${afterMs} ms`);
      if (Date.now() > endsAt) break;
    }
  }
} finally {
  await fleet.close();
}
