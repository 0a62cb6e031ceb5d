import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { Fleet, launch, openTables, rowOf, skipWithoutBrowser, until, withPage } from './browser.js';
import { event, FakeLookupd, peer, snapshot } from './fake-lookupd.js';

const timeout = 60_000;

describe('visits of the page', { skip: skipWithoutBrowser() }, () => {
  let browser: Browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const isOpen = (page: Page, name: string) =>
    page.locator('#details').getByRole('heading', { name, exact: true }).waitFor();

  test('goes back and forward, and can be sent to somebody with what is opened', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders', 'parcels']);
    await fleet.add('host-2:4150', ['orders']);
    await withPage(browser, fleet, async (page) => {
      await openTables(page);
      await page.getByRole('button', { name: 'orders', exact: true }).click();
      await isOpen(page, 'orders');
      await page.locator('#details').getByRole('button', { name: 'host-2:4150', exact: true }).click();
      await isOpen(page, 'host-2:4150');
      await page.getByRole('tab', { name: 'Findings' }).click();
      const address = () => new URL(page.url()).hash;
      assert.equal(address(), '#tab=findings');
      await page.goBack();
      await isOpen(page, 'host-2:4150');
      await page.goBack();
      await isOpen(page, 'orders');
      assert.equal(await page.title(), 'orders · nsqlookupd');
      await page.goForward();
      await isOpen(page, 'host-2:4150');
      await page.reload();
      await isOpen(page, 'host-2:4150');
      await page.goBack();
      await page.goBack();
      assert.equal(await page.locator('#changes').isVisible(), true);
    });
    for (const [hash, told] of [
      ['#topic=orders', 'host-2:4150'],
      ['#nsqd=host-2%3A4150', 'Announced as'],
      ['#topic=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E', 'There is no topic <img src=x onerror=alert(1)>.'],
      ['#nsqd=nobody', 'nobody is not here'],
    ] as const)
      await withPage(browser, { url: fleet.url + hash }, (page) =>
        page.locator('#details').getByText(told).first().waitFor(),
      );
  });

  test('keeps an nsqd open that leaves and comes back', { timeout }, async () => {
    await using fleet = await Fleet.start();
    const nsqd = await fleet.add('host-1:4150', ['orders']);
    await withPage(browser, { url: `${fleet.url}#nsqd=host-1%3A4150` }, async (page) => {
      await isOpen(page, 'host-1:4150');
      nsqd.drop();
      await page.getByText('host-1:4150 is not here').waitFor();
      await fleet.add('host-1:4150', ['parcels']);
      await page.locator('#details').getByRole('button', { name: 'parcels', exact: true }).waitFor();
    });
  });

  test('is open in two tabs, and a write of one shows in the other', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await withPage(browser, fleet, async (one) => {
      const other = await one.context().newPage();
      await other.goto(fleet.url);
      await openTables(other);
      await one.getByRole('button', { name: 'New topic…' }).click();
      await one.getByRole('dialog').getByRole('textbox').fill('orders');
      await one.keyboard.press('Enter');
      await rowOf(other, 'orders').waitFor();
    });
  });

  test('leaves the connections of a browser to the tabs that are looked at', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => {
      each.first = (lastId) => snapshot({}, { [lastId === '' ? 'orders' : 'parcels']: [] }, 'a.1');
    });
    await withPage(browser, fake, async (first) => {
      const context = first.context();
      // A browser without a window shows all tabs: they are told what a window would tell them.
      const show = (page: Page, state: 'visible' | 'hidden') =>
        page.evaluate(`{
          Object.defineProperty(document, 'hidden', { value: ${state === 'hidden'}, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }`);
      let last = first;
      for (let i = 0; i < 8; i++) {
        await last.locator('#way[data-way=live]').waitFor();
        await show(last, 'hidden');
        last = await context.newPage();
        await last.goto(fake.url);
      }
      await last.locator('#way[data-way=live]').waitFor();
      await first.locator('#way[data-way=asleep]').waitFor();
      assert.ok(fake.watching.size <= 4, `${fake.watching.size} connections`);
      await show(last, 'hidden');
      await show(first, 'visible');
      await openTables(first);
      await rowOf(first, 'parcels').waitFor(); // it has gone on after what it knew
    });
  });

  test('is not written through by the page of another site, however it tries', { timeout }, async () => {
    await using fleet = await Fleet.start();
    await fleet.add('host-1:4150', ['orders']);
    const topology = () => JSON.stringify(fleet.lookupd.topology.db.snapshot().registrations);
    const before = topology();
    const evil = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>'));
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}/`;
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(url);
      const statuses: number[] = [];
      page.on('response', (response) => {
        if (response.url().includes(fleet.httpAddress)) statuses.push(response.status());
      });
      const args = 'topic=orders&channel=workers&node=host-1:4151';
      const about = await fetch(`http://${fleet.httpAddress}/ui/about`);
      const { may: writes } = (await about.json()) as { may: string[] };
      assert.ok(writes.includes('topic/untombstone'));
      const types = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
      await page.evaluate(`(async () => {
        for (const write of ${JSON.stringify(writes)})
          for (const type of ${JSON.stringify(types)})
            for (const method of ['POST', 'GET']) {
              const body = method === 'POST' ? '${args}' : undefined;
              const init = { method, mode: 'no-cors', credentials: 'include', body, headers: { 'Content-Type': type } };
              await fetch('http://${fleet.httpAddress}/' + write + '?${args}', init).catch(() => undefined);
            }
      })()`);
      // A form goes there with the window.
      for (const write of writes) {
        await page.goto(url);
        const answered = page.waitForResponse((response) => response.url().includes(write));
        await page.evaluate(`{
          const form = document.createElement('form');
          Object.assign(form, { method: 'POST', action: 'http://${fleet.httpAddress}/${write}?${args}' });
          document.body.append(form);
          form.submit();
        }`);
        assert.equal((await answered).status(), 403, write);
        await page.waitForURL((now) => now.pathname.endsWith(write));
      }
      assert.equal(statuses.length, writes.length * (types.length * 2 + 1));
      assert.deepEqual([...new Set(statuses)].sort(), [403, 405]);
      assert.equal(topology(), before);
    } finally {
      await context.close();
      evil.close();
      evil.closeAllConnections();
    }
  });

  test('grows no further with what changes while it is open', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => (each.first = () => snapshot({}, {}, 'a.1')));
    await withPage(browser, fake, async (page) => {
      await page.locator('#way[data-way=live]').waitFor();
      let revision = 1;
      const change = (type: string, rest: object) =>
        event('change', { revision: ++revision, type, channel: '', ...rest }, `a.${revision}`);
      /** An nsqd that comes with a topic of its own, and leaves with it. */
      const visit = (i: number) => {
        const of = { peer_key: `local/${i}`, peer: peer(`host-${i}`) };
        const topic = { category: 'topic', topic: `topic-${i}` };
        return [
          change('producerAdded', { ...of, category: 'client', topic: '' }),
          change('producerAdded', { ...of, ...topic }),
          change('producerRemoved', { ...of, ...topic }),
          change('registrationRemoved', topic),
          change('producerRemoved', { ...of, category: 'client', topic: '' }),
        ].join('');
      };
      const session = await page.context().newCDPSession(page);
      const weigh = async () => {
        await session.send('HeapProfiler.collectGarbage');
        const { usedSize } = await session.send('Runtime.getHeapUsage');
        return { usedSize, nodes: await page.evaluate<number>(`document.getElementsByTagName('*').length`) };
      };
      const open = async (count: number) => {
        for (let i = 0; i < count; i++) fake.tell(visit(revision));
        const last = `document.querySelector('#changes li button')?.textContent`;
        await until(page, `${last} === 'host-${revision - 5}:4150 left'`);
      };
      await open(2500);
      const before = await weigh();
      await open(5000);
      const after = await weigh();
      const grown = after.usedSize - before.usedSize;
      assert.ok(grown < 3e6, `${grown} bytes more after 25,000 changes more`);
      assert.ok(after.nodes < before.nodes + 100, `${before.nodes} elements, and then ${after.nodes}`);
      assert.equal(await page.locator('#tiles dd').first().textContent(), '0');
    });
  });
});
