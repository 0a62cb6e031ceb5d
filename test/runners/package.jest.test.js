'use strict';
const { readFileSync } = require('node:fs');

const manifest = JSON.parse(readFileSync('node_modules/nsqlookupd/package.json', 'utf8'));
const names = Object.keys(manifest.exports).map((subpath) => subpath.replace('.', 'nsqlookupd'));

describe('under Jest', () => {
  test.each(names.filter((name) => !name.endsWith('.json')))('%s is there, as CommonJS', (name) => {
    expect(require.resolve(name)).toMatch(/dist[\\/]cjs/);
    expect(Object.keys(require(name)).length).toBeGreaterThan(0);
  });

  test('the registry works', () => {
    const { RegistrationDB, Topology } = require('nsqlookupd/registry');
    const db = new RegistrationDB();
    const topology = new Topology({ db, clock: () => 0 });
    const added = [];
    db.on('registrationAdded', ({ category, key }) => added.push([category, key]));
    expect(topology.createTopic('orders')).toBe(true);
    expect(topology.topics()).toEqual(['orders']);
    expect(added).toEqual([['topic', 'orders']]);
    expect(require('nsqlookupd').Topology).toBe(Topology);
  });

  test('a lookupd serves', async () => {
    const { createLookupd } = require('nsqlookupd/daemon');
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
