import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PACKAGE_VERSION } from 'nsqlookupd/daemon';
import { launch, openTables, rowOf, skipWithoutBrowser, turnUntil, withPage } from './browser.js';
import { event, FakeLookupd, peer, snapshot } from './fake-lookupd.js';

const timeout = 60_000;
const LOADING = /Failed to load|ERR_/;

describe('the page against what may answer it', { skip: skipWithoutBrowser() }, () => {
  let browser: Browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const isLive = (page: Page) => page.locator('#way[data-way=live]').waitFor();

  const junk: Readonly<Record<string, string>> = {
    'what is no JSON': event('snapshot', '{"part":1'),
    'no object': event('snapshot', 'null'),
    'a part without anything': event('snapshot', { part: 1, is_last: true }),
    'peers that are none': event('snapshot', { part: 1, is_last: true, peers: { 'a/1': null }, registrations: [] }),
    'registrations that are none': event('snapshot', { part: 1, is_last: true, peers: {}, registrations: [null] }),
    'a change that is none': `${snapshot({}, {}, 'a.1')}${event('change', '7', 'a.2')}${event('change', 'null', 'a.3')}`,
    'a line without an end': `data: ${'x'.repeat(33 * 2 ** 20)}`,
  };
  test('says so, and asks again, when it is told junk', { timeout }, async () => {
    await using fake = await FakeLookupd.start();
    await withPage(
      browser,
      { url: fake.url },
      async (page) => {
        await openTables(page);
        for (const [i, text] of Object.values(junk).entries()) {
          fake.first = () => text;
          for (const each of fake.watching) each.end();
          await turnUntil(page, page.locator('#way[data-way=unclear]'));
          fake.first = () => snapshot({ 'local/1': peer('host-1') }, { [`after-${i}`]: ['local/1'] }, 'a.1');
          await turnUntil(page, rowOf(page, `after-${i}`));
          await isLive(page);
        }
      },
      { clock: true },
    );
  });

  test('takes what it is told of a kind that it does not know for nothing', { timeout }, async () => {
    await using fake = await FakeLookupd.start();
    await withPage(browser, { url: fake.url }, async (page) => {
      await isLive(page);
      fake.tell(event('weather', 'rain') + event('change', { revision: 2, type: 'flood', topic: 'orders' }, 'a.2'));
      fake.tell(': a comment\n\n\n\n');
      fake.tell(
        event(
          'change',
          { revision: 3, type: 'registrationAdded', category: 'topic', topic: 'orders', channel: '' },
          'a.3',
        ),
      );
      await page.locator('#changes').getByText('topic orders came').waitFor();
    });
  });

  test('is not confused by a server of another version, which says less of itself', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => {
      each.answer('ui/about', { epoch: 'e1' });
      each.answer('findings', {});
      each.answer('ui/topic', {});
      each.first = () => snapshot({ 'local/1': peer('host-1') }, { orders: ['local/1'] }, 'a.1');
    });
    await withPage(browser, { url: fake.url }, async (page) => {
      await openTables(page);
      await rowOf(page, 'orders').getByText('1 active').waitFor();
      await page.getByRole('button', { name: 'orders', exact: true }).click();
      await page.locator('#details').getByText('Producers').waitFor();
      assert.equal(await page.getByRole('button', { name: 'New topic…' }).isVisible(), false);
    });
  });

  test('says so when it is not of the version of the server, whichever came first', { timeout }, async () => {
    const ours = { package_version: PACKAGE_VERSION, epoch: 'a' };
    await using fake = await FakeLookupd.start((each) => each.answer('ui/about', { package_version: '0', epoch: 'a' }));
    await withPage(
      browser,
      { url: fake.url },
      async (page) => {
        const notice = page.locator('#notice');
        await notice.getByText('version 0').waitFor();
        fake.answer('ui/about', ours);
        await page.getByRole('button', { name: 'Load the page again' }).click();
        await page.locator('#server').getByText(`version ${PACKAGE_VERSION}`).waitFor();
        assert.equal(await notice.isVisible(), false);
        fake.answer('ui/about', { ...ours, package_version: '99' });
        await turnUntil(page, notice.getByText('version 99'));
      },
      { clock: true },
    );
  });

  test('goes on after a lookupd that comes and goes ten times', { timeout }, async () => {
    await using fake = await FakeLookupd.start();
    await withPage(
      browser,
      { url: fake.url, expects: LOADING },
      async (page) => {
        await openTables(page);
        for (let i = 0; i < 10; i++) {
          fake.answer('ui/about', { package_version: '1', epoch: `epoch-${i}` });
          fake.first = () => snapshot({ 'local/1': peer(`host-${i}`) }, { [`topic-${i}`]: ['local/1'] }, `${i}.1`);
          await fake.leave();
          await fake.listen();
          await turnUntil(page, rowOf(page, `topic-${i}`));
        }
        assert.equal(await page.locator('#table tbody tr').count(), 2);
        await isLive(page);
      },
      { clock: true },
    );
  });

  test('polls where something on the way lets the first of it through, and holds the rest', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => {
      each.first = () => event('snapshot', { part: 1, is_last: false, peers: {}, registrations: [] });
      each.answer('nodes', { producers: [{ ...peer('host-1'), topics: ['orders'], tombstones: [false] }] });
      each.answer('topics', { topics: ['orders'] });
    });
    await withPage(
      browser,
      { url: fake.url },
      async (page) => {
        await openTables(page);
        await turnUntil(page, page.locator('#way[data-way=polling]'));
        await rowOf(page, 'orders').getByText('1 active').waitFor();
      },
      { clock: true },
    );
  });

  test('stays live on a connection that is resumed, and quiet', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => {
      each.first = (lastId) => (lastId === 'a.1' ? ':\n\n' : snapshot({}, {}, 'a.1'));
    });
    await withPage(
      browser,
      { url: fake.url },
      async (page) => {
        await isLive(page);
        for (const each of fake.watching) each.end();
        while (fake.watches < 2) await page.clock.runFor(500);
        await isLive(page);
        await page.clock.runFor(12_000);
        await isLive(page);
        assert.equal(fake.watches, 2);
      },
      { clock: true },
    );
  });

  test(
    'asks for a token once, and not again when that was declined; says when one is not known',
    { timeout },
    async () => {
      await using fake = await FakeLookupd.start((each) => {
        let revoked = false;
        each.answers['ui/about'] = ({ headers }, response) => {
          const isKnown = headers.authorization === 'Bearer good' && !revoked;
          response.writeHead(isKnown ? 200 : 401, { 'Content-Type': 'application/json' }).end('{"epoch":"a"}');
        };
        each.answers['revoke'] = (_, response) => {
          revoked = true;
          response.end();
        };
      });
      await withPage(
        browser,
        { url: fake.url, expects: /401/ },
        async (page) => {
          const dialog = page.getByRole('dialog');
          await dialog.getByRole('button', { name: 'Cancel' }).click();
          await page.clock.runFor(30_000);
          assert.equal(await dialog.count(), 0);
          await page.getByRole('button', { name: 'Use a token…' }).click();
          await dialog.getByRole('textbox').fill('böse');
          await page.keyboard.press('Enter');
          await dialog.getByText('no spaces, accents').waitFor();
          await dialog.getByRole('textbox').fill('good');
          await page.keyboard.press('Enter');
          await dialog.waitFor({ state: 'detached' });
          await page.locator('#server').getByText('epoch a').waitFor();
          await fetch(fake.url.replace('ui', 'revoke'));
          await turnUntil(page, dialog.getByText('does not know this token'));
        },
        { clock: true },
      );
    },
  );
});
