import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { allowTokens } from 'nsqlookupd/http';
import { Fleet, launch, openTables, rowOf, skipWithoutBrowser, withPage as visitPage, type Visit } from './browser.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const timeout = 60_000;

describe('the page in a browser', { skip: skipWithoutBrowser() }, () => {
  let browser: Browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const withPage = (visit: Visit, use: (page: Page) => Promise<void>) => visitPage(browser, visit, use);

  const tile = (page: Page, name: string) => page.locator('#tiles > div', { hasText: name }).locator('dd > *').first();
  const waitForTile = (page: Page, name: string, text: string) =>
    page
      .locator('#tiles > div', { hasText: name })
      .locator('dd > *', { hasText: new RegExp(`^${text}$`) })
      .first()
      .waitFor();

  test('shows the fleet, and each change of it', { timeout }, async () => {
    await using fleet = await Fleet.start({ inactiveProducerTimeoutMs: 300_000 });
    await fleet.add('host-1:4150', ['orders', 'parcels'], { topologyZone: 'eu-1' });
    const leaving = await fleet.add('host-2:4150', ['orders']);
    await withPage(fleet, async (page) => {
      await openTables(page);
      await rowOf(page, 'orders').getByText('2 active').waitFor();
      assert.equal(await tile(page, 'nsqds').textContent(), '2');
      assert.equal(await rowOf(page, 'host-1:4150').locator('td').first().textContent(), 'eu-1');

      await leaving.register('users.signups', 'mail');
      await rowOf(page, 'users.signups').getByText('1 active').waitFor();
      await page.locator('#changes').getByText('host-2:4150 has users.signups').waitFor();

      leaving.drop();
      await rowOf(page, 'users.signups').getByText('no producer').waitFor();
      await rowOf(page, 'host-2:4150').waitFor({ state: 'detached' });
      await waitForTile(page, 'nsqds', '1');
    });
  });

  test('shows who is silent, and who is heard of again', { timeout }, async () => {
    await using fleet = await Fleet.start({ inactiveProducerTimeoutMs: 600 });
    const nsqd = await fleet.add('host-1:4150', ['orders']);
    await withPage(fleet, async (page) => {
      await openTables(page);
      await rowOf(page, 'host-1:4150').getByText('silent').waitFor();
      await nsqd.ping();
      nsqd.pingEvery(100, { setTimeout, clearTimeout });
      await rowOf(page, 'host-1:4150').getByText('active').waitFor();
    });
  });

  test('tombstones a producer, and ends that, after one has been asked', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders']);
    const { httpPort, broadcastAddress } = fleet.nsqds[0]!.identity;
    const node = `${broadcastAddress}:${httpPort}`;
    const carriers = () => fleet.lookupd.topology.lookup('orders')?.producers.length;
    await withPage(fleet, async (page) => {
      await openTables(page);
      await page.getByRole('button', { name: 'orders', exact: true }).click();
      await page.getByRole('button', { name: `Tombstone ${node} for orders` }).click();
      const dialog = page.getByRole('dialog');
      assert.match((await dialog.textContent()) ?? '', /orders/);
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      assert.equal(carriers(), 1);
      await page.getByRole('button', { name: `Tombstone ${node} for orders` }).click();
      await dialog.getByRole('button', { name: `Tombstone ${node}` }).click();
      await rowOf(page, 'orders').getByText('1 tombstoned').waitFor();
      assert.equal(carriers(), 0);
      await page.getByRole('button', { name: `End the tombstone of ${node} for orders` }).click();
      await dialog.getByRole('button', { name: `End the tombstone of ${node}` }).click();
      await rowOf(page, 'orders').getByText('1 active').waitFor();
      assert.equal(carriers(), 1);
    });
  });

  test('creates and deletes topics and channels', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await withPage({ url: fleet.url }, async (page) => {
      const dialog = page.getByRole('dialog');
      const create = async (name: string) => {
        await dialog.getByRole('textbox').fill(name);
        await page.keyboard.press('Enter');
      };
      await page.getByRole('button', { name: 'New topic…' }).click();
      await create('no such name!');
      await dialog.getByText('A name is 1 to 64').waitFor();
      await create('orders');
      await openTables(page);
      await page.getByRole('button', { name: 'orders', exact: true }).click();
      await page.getByRole('button', { name: 'New channel…' }).click();
      await create('billing');
      await page.getByRole('button', { name: 'Delete the channel billing' }).click();
      await dialog.getByRole('button', { name: 'Delete billing' }).click();
      await page.getByRole('button', { name: 'Delete the channel billing' }).waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Delete topic…' }).click();
      await dialog.getByRole('button', { name: 'Delete orders' }).click();
      await page.getByText('There is no topic orders.').waitFor();
      assert.deepEqual(fleet.lookupd.topology.topics(), []);
    });
  });

  test('takes every name for text', { timeout }, async () => {
    const evil = '"><img src=x onerror="document.title=1"><script>document.title=2</script>';
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders'], {
      broadcastAddress: evil,
      hostname: evil,
      version: evil,
      topologyZone: evil,
    });
    await withPage(fleet, async (page) => {
      await openTables(page);
      await page.getByRole('button', { name: evil }).first().click();
      await page.locator('#details').getByText('Announced as').waitFor();
      await page.getByRole('tab', { name: 'Changes' }).click();
      assert.equal(await page.title(), 'nsqlookupd');
      assert.equal(await page.locator('img').count(), 0);
      assert.equal(await page.locator('script').count(), 1);
    });
  });

  test('is used with the keyboard alone', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders', 'parcels']);
    await withPage(fleet, async (page) => {
      await waitForTile(page, 'topics', '2');
      const focused = () => page.evaluate<string>('document.activeElement.id');
      for (let i = 0; i < 20 && (await focused()) !== 'canvas'; i++) await page.keyboard.press('Tab');
      assert.equal(await focused(), 'canvas');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.locator('#said').getByText('parcels at host-1:4150: active').waitFor({ state: 'attached' });
      await page.keyboard.press('Enter');
      await page.locator('#details h2').getByText('parcels').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Shift+Tab');
      for (let i = 0; i < 20 && (await focused()) !== 'tab-details'; i++) await page.keyboard.press('Tab');
      await page.keyboard.press('ArrowLeft');
      assert.equal(await focused(), 'tab-findings');
      assert.equal(await page.locator('#findings').isVisible(), true);
    });
  });

  test('says so when the lookupd was restarted, and goes on', { timeout }, async () => {
    await using first = await Fleet.start();
    await first.add('host-1:4150', ['orders']);
    await withPage({ url: first.url, expects: /Failed to load|ERR_/ }, async (page) => {
      await openTables(page);
      await rowOf(page, 'orders').waitFor();
      await first.lookupd.close();
      await page.locator('#way[data-way=away]').waitFor();
      await using second = await first.restart();
      await second.add('host-2:4150', ['parcels']);
      await page.locator('#notice', { hasText: 'has been restarted' }).waitFor();
      await rowOf(page, 'parcels').waitFor();
      await rowOf(page, 'orders').waitFor({ state: 'detached' });
      await page.locator('#way[data-way=live]').waitFor();
    });
  });

  test('asks for a token once, and shows what it lets one do', { timeout }, async () => {
    const authorize = allowTokens({ looks: 'read', works: 'write' });
    await using fleet = await Fleet.start({
      authorize: (caller, action, request) => action.name === 'ui' || authorize(caller, action, request),
    });
    await fleet.add('host-1:4150', ['orders']);
    await withPage({ url: fleet.url, expects: /401/ }, async (page) => {
      const give = async (token: string) => {
        await page.getByRole('dialog').getByRole('textbox', { name: 'Token' }).fill(token);
        await page.getByRole('button', { name: 'Use this token' }).click();
      };
      await give('looks');
      await waitForTile(page, 'topics', '1');
      assert.equal(await page.getByRole('button', { name: 'New topic…' }).isVisible(), false);
      assert.equal(await page.getByRole('dialog').count(), 0);
      assert.equal(await page.evaluate("sessionStorage.getItem('nsqlookupd-token')"), 'looks');
      assert.equal(await page.evaluate('localStorage.length + document.cookie.length'), 0);
      await page.evaluate("sessionStorage.setItem('nsqlookupd-token', 'works')");
      await page.reload();
      await page.getByRole('button', { name: 'New topic…' }).waitFor();
    });
  });

  test('polls below a prefix, behind a proxy that holds events back', { timeout }, async () => {
    await using fleet = await Fleet.start();
    const [host = '', port] = fleet.httpAddress.split(':');
    await fleet.add('host-1:4150', ['orders']);
    const proxy = createServer((request, response) => {
      const path = request.url!.replace(/^\/ops\/nsq/, '');
      if (path === request.url) return response.writeHead(404).end();
      if (path.startsWith('/watch')) return undefined;
      const { method, headers } = request;
      const upstream = ask({ host, port, path, method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      upstream.on('error', () => response.destroy()).end();
      return undefined;
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/ops/nsq/ui/`;
      await withPage({ url, expects: /favicon/ }, async (page) => {
        await page.locator('#way[data-way=polling]').waitFor();
        await openTables(page);
        await rowOf(page, 'orders').getByText('1 active').waitFor();
        await fleet.nsqds[0]!.register('parcels');
        await rowOf(page, 'parcels').waitFor();
        await page.locator('#changes').getByText('host-1:4150 has parcels').waitFor();
        await page.getByRole('button', { name: 'orders', exact: true }).click();
        const channel = page.locator('#details li', { hasText: 'workers' });
        await channel.waitFor();
        assert.doesNotMatch((await channel.textContent()) ?? '', /at \d/);
        await page.locator('#details').getByText('last ping').waitFor();
      });
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  test('goes back to changes from before it was opened', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders']);
    await fleet.nsqds[0]!.unregister('orders');
    await withPage(fleet, async (page) => {
      await waitForTile(page, 'nsqds', '1');
      await page.getByRole('button', { name: 'Earlier changes' }).click();
      await page.locator('#changes').getByText('host-1:4150 no longer has orders').waitFor();
      await page.locator('#changes').getByRole('searchbox').fill('channel workers of orders went');
      await page.locator('#changes').getByText('host-1:4150 came').waitFor({ state: 'detached' });
    });
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`is accessible, ${colorScheme}, and fits a phone`, { timeout }, async () => {
      await using fleet = await Fleet.start();
      await fleet.add('host-1:4150', ['orders', 'orders.created', 'parcels'], { topologyZone: 'eu-1' });
      fleet.lookupd.topology.createTopic('lonely');
      fleet.lookupd.topology.tombstone('parcels', 'host-1:4151');
      const options = { colorScheme, viewport: { width: 360, height: 740 } };
      await withPage({ url: fleet.url, options: { ...options, bypassCSP: true } }, async (page) => {
        await waitForTile(page, 'topics', '4');
        await page.addScriptTag({ content: AXE });
        const check = async (where: string) => {
          const found = await page.evaluate<{ id: string; target: string }[]>(
            `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => ({ id, target: html }))))`,
          );
          assert.deepEqual(found, [], where);
          assert.ok((await page.evaluate<number>('document.documentElement.scrollWidth')) <= 360, `${where} is wider`);
        };
        await check('the map');
        await openTables(page);
        await check('the tables');
        await page.getByRole('button', { name: 'orders', exact: true }).click();
        await check('a topic');
        await page.getByRole('button', { name: 'Delete topic…' }).click();
        await check('a confirmation');
        await page.keyboard.press('Escape');
        await page.locator('#details').getByRole('button', { name: 'host-1:4150', exact: true }).click();
        await check('an nsqd');
        await page.getByRole('tab', { name: 'Findings' }).click();
        await page.locator('#findings').getByText('does not resolve').waitFor();
        await check('findings');
        const ground = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
        assert.equal(Number(/\d+/.exec(ground)?.[0]) > 128, colorScheme === 'light');
      });
    });
  }
});
