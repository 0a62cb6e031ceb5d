import { setTimeout as pause } from 'node:timers/promises';
import { startRedis } from '../support/redis-server.js';
import { SharedProcesses } from '../support/shared-fleet-processes.js';

/**
 * Three lookupds and sixty nsqds for ten minutes, or `SOAK_MINUTES`, with all that may go wrong; fails when they do not agree. The
 * figures of docs/shared.md are the last lines of it.
 */
const minutes = Number(process.env['SOAK_MINUTES'] ?? 10);
const STREAM = '{nsqlookupd}:shared:stream';
await using redis = await startRedis();
const fleet = await SharedProcesses.start(redis, 3, 60, Date.now() % 1000);
const stop = async (index: number, signal: NodeJS.Signals) => {
  await fleet.lookupds[index]!.stop(signal);
  await fleet.replace(index);
};
const faults: Readonly<Record<string, () => Promise<unknown>>> = {
  nothing: () => Promise.resolve(),
  'connections killed': () => redis.command('CLIENT', 'KILL', 'TYPE', 'normal'),
  'stream trimmed': () => redis.command('XTRIM', STREAM, 'MAXLEN', '0'),
  'all flushed': () => redis.command('FLUSHALL'),
  'all leases ended, as by a clock set forward': async () => {
    const keys = (await redis.command('KEYS', '*:lookupd:*')) as string[];
    for (const key of keys) await redis.command('PEXPIRE', key, '1');
  },
  'ids of the stream turned back, as by a clock set back': async () => {
    await redis.command('XADD', STREAM, `${Date.now() + 86_400_000}-0`, 'far', 'ahead');
    await pause(100);
    await redis.command('DEL', STREAM);
  },
  'a lookupd killed': () => stop(0, 'SIGKILL'),
  'a lookupd ended': () => stop(1, 'SIGTERM'),
  'Redis killed': async () => {
    await redis.stop();
    await fleet.churn(3000);
    await redis.start();
  },
  'Redis stopped for ten seconds': async () => {
    redis.signal('SIGSTOP');
    await fleet.churn(10_000);
    redis.signal('SIGCONT');
  },
  'Redis and a lookupd killed': async () => {
    await redis.stop();
    await stop(2, 'SIGKILL');
    await redis.start();
  },
  'a lookupd stopped for a minute': async () => {
    fleet.lookupds[0]!.process.kill('SIGSTOP');
    await pause(60_000);
    fleet.lookupds[0]!.process.kill('SIGCONT');
  },
};
const took = new Map<string, number[]>();
try {
  await fleet.churn(60_000);
  console.log(`after a minute of churn all agree within ${await fleet.agree('a minute of churn', 1000)} ms`);
  for (const endsAt = Date.now() + minutes * 60_000; Date.now() < endsAt;) {
    for (const [what, cause] of Object.entries(faults)) {
      await fleet.churn(3000);
      await cause();
      await fleet.churn(1000);
      const ms = await fleet.agree(what, 90_000);
      took.set(what, [...(took.get(what) ?? []), ms]);
      console.log(`${what}: all agree after ${ms} ms`);
      if (Date.now() > endsAt) break;
    }
  }
  for (const [what, all] of took)
    console.log(`${what}: ${all.length} times, ${Math.min(...all)} to ${Math.max(...all)} ms`);
} finally {
  await fleet.close();
}
