import { readFileSync } from 'node:fs';
import { createLookupd } from 'nsqlookupd/daemon';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { describe, expect, test } from 'vitest';

const manifest = JSON.parse(readFileSync('node_modules/nsqlookupd/package.json', 'utf8'));
const names = Object.keys(manifest.exports).map((subpath) => subpath.replace('.', 'nsqlookupd'));

describe('under Vitest', () => {
  test.each(names.filter((name) => !name.endsWith('.json')))('%s is there', async (name) => {
    expect(Object.keys(await import(name)).length).toBeGreaterThan(0);
  });

  test('the registry works', async () => {
    const topology = new Topology({ db: new RegistrationDB(), clock: () => 0 });
    expect(topology.createTopic('orders')).toBe(true);
    expect(topology.topics()).toEqual(['orders']);
    expect((await import('nsqlookupd')).Topology).toBe(Topology);
  });

  test('a lookupd serves', async () => {
    const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0' });
    await lookupd.listen();
    try {
      const response = await fetch(`http://${lookupd.httpAddress}/ping`);
      expect(await response.text()).toBe('OK');
    } finally {
      await lookupd.close();
    }
  });
});
