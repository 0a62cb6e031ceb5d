import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skipWithoutRedis, startRedis } from './support/redis-server.js';
import { runs } from './support/runs.js';
import { SharedProcesses } from './support/shared-fleet-processes.js';

test(
  'three processes and sixty nsqds answer as one, whatever ends',
  { skip: skipWithoutRedis(), timeout: 180_000 },
  async (t) => {
    await using redis = await startRedis();
    const fleet = await SharedProcesses.start(redis, 3, 60, 7);
    const took = async (what: string, withinMs: number) =>
      t.diagnostic(`${what}: all agree after ${await fleet.agree(what, withinMs)} ms`);
    try {
      t.diagnostic(`${await fleet.churn(runs(5000))} changes`);
      await took('churn', 10_000);

      await redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
      await fleet.churn(runs(1500));
      await redis.command('XTRIM', '{nsqlookupd}:shared:stream', 'MAXLEN', '0');
      await fleet.churn(runs(1500));
      await took('connections killed, stream trimmed', 15_000);

      await fleet.lookupds[0]!.stop('SIGKILL');
      await fleet.replace(0);
      await fleet.churn(runs(2000));
      await took('a lookupd killed', 60_000);

      await redis.stop();
      await fleet.churn(runs(2000));
      const ready = await fetch(`http://127.0.0.1:${fleet.lookupds[1]!.httpPort}/readyz`);
      assert.equal(ready.status, 200);
      assert.match(await ready.text(), /"notes":\["what carries the shared registry is away/);
      const findings = await (await fetch(`http://127.0.0.1:${fleet.lookupds[1]!.httpPort}/findings`)).text();
      assert.match(findings, /shared-registry-away/);
      await redis.start();
      await took('Redis killed', 60_000);

      await fleet.lookupds[1]!.stop('SIGTERM');
      await fleet.replace(1);
      await took('a lookupd ended in order', 60_000);
      const metrics = await (await fetch(`http://127.0.0.1:${fleet.lookupds[2]!.httpPort}/metrics`)).text();
      assert.match(metrics, /^nsqlookupd_shared_connected 1$/m);
    } finally {
      await fleet.close();
    }
  },
);
