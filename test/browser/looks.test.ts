import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launch, openTables, rowOf, skipWithoutBrowser, until, withPage } from './browser.js';
import { event, FakeLookupd, peer, snapshot } from './fake-lookupd.js';

const timeout = 60_000;
const HOUR_MS = 3_600_000;
const ABOUT = { epoch: 'a', inactive_producer_timeout_ms: 300_000, tombstone_lifetime_ms: HOUR_MS };

/** How many pixels of the map have the colour that the style sheet has by that name. */
const countPixels = (page: Page, name: string) =>
  page.evaluate<number>(`{
    const canvas = document.getElementById('canvas');
    const hex = getComputedStyle(canvas).getPropertyValue('--${name}').trim();
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i] === red && data[i + 1] === green && data[i + 2] === blue && data[i + 3] === 255) count++;
    count;
  }`);

describe('how the page looks', { skip: skipWithoutBrowser() }, () => {
  let browser: Browser;
  before(async () => (browser = await launch()));
  after(() => browser.close());

  const addTopic = (topic: string, key: string, revision: number, fields: Parameters<typeof peer>[1] = {}) =>
    event(
      'change',
      {
        ...{ revision, type: 'producerAdded', category: 'topic', topic, channel: '', peer_key: key },
        peer: peer(`host-${key.split('/')[0]}`, fields),
      },
      `a.${revision}`,
    );

  const states = ['active', 'restored', 'other', 'silent', 'tombstoned'];
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`shows each state, ${colorScheme}`, { timeout }, async () => {
      await using fake = await FakeLookupd.start((each) => {
        each.answer('ui/about', { ...ABOUT, restored: ['restored/1'], other_origins: ['other'] });
        const peers = Object.fromEntries(states.map((state) => [`${state}/1`, peer(`host-${state}`)]));
        peers['silent/1'] = peer('host-silent', { last_update_ms: Date.now() - HOUR_MS });
        const keys = states.map((state) =>
          state === 'tombstoned' ? { key: `${state}/1`, at: Date.now() - 1000 } : `${state}/1`,
        );
        each.first = () => snapshot(peers, { orders: keys }, 'a.1');
      });
      await withPage(browser, { url: fake.url, options: { colorScheme } }, async (page) => {
        await until(page, `document.querySelector('#server').textContent.includes('epoch a')`);
        for (const state of states)
          for (let i = 0; (await countPixels(page, state)) === 0; i++) assert.ok(i < 100, `${state} is not in the map`);
        await openTables(page);
        const told = '1 active, 1 restored, not back yet, 1 of another lookupd, 1 silent, 1 tombstoned';
        await rowOf(page, 'orders').getByText(told, { exact: true }).waitFor();
        for (const [state, name] of [
          ['restored', 'restored, not back yet'],
          ['other', 'of another lookupd'],
          ['silent', 'silent'],
          ['active', 'active'],
        ] as const)
          await rowOf(page, `host-${state}:4150`).getByText(name, { exact: true }).waitFor();
      });
    });
  }

  test(
    'takes an nsqd for silent only when it is told so, not for a change that names an old ping',
    { timeout },
    async () => {
      await using fake = await FakeLookupd.start((each) => {
        each.answer('ui/about', ABOUT);
        each.first = () => snapshot({ 'local/1': peer('host-local') }, { orders: ['local/1'] }, 'a.1');
      });
      await withPage(browser, { url: fake.url }, async (page) => {
        await openTables(page);
        await rowOf(page, 'orders').getByText('1 active').waitFor();
        const longAgo = { last_update_ms: Date.now() - HOUR_MS };
        fake.tell(addTopic('parcels', 'local/1', 2, longAgo));
        await rowOf(page, 'parcels').getByText('1 active').waitFor();
        assert.equal(await rowOf(page, 'host-local:4150').locator('td').last().textContent(), 'active');
        const touched = { revision: 3, type: 'peerTouched', peer_key: 'local/1', peer: peer('host-local', longAgo) };
        fake.tell(event('change', touched, 'a.3'));
        await page.locator('#changes').getByText('host-local:4150 fell silent').waitFor();
      });
    },
  );

  for (const reducedMotion of ['no-preference', 'reduce'] as const) {
    test(
      `${reducedMotion === 'reduce' ? 'moves nothing' : 'marks what changes'}: ${reducedMotion}`,
      { timeout },
      async () => {
        await using fake = await FakeLookupd.start((each) => {
          each.first = () => snapshot({ 'local/1': peer('host-local') }, { orders: ['local/1'] }, 'a.1');
        });
        const options: BrowserContextOptions = { reducedMotion };
        await withPage(browser, { url: fake.url, options }, async (page) => {
          await page.locator('#way[data-way=live]').waitFor();
          await page.evaluate(`{
          window.faint = 0;
          const stroke = CanvasRenderingContext2D.prototype.strokeRect;
          CanvasRenderingContext2D.prototype.strokeRect = function (...box) {
            if (this.globalAlpha < 1) window.faint++;
            return stroke.apply(this, box);
          };
        }`);
          fake.tell(addTopic('parcels', 'local/1', 2));
          await page.locator('#changes').getByText('host-local:4150 has parcels').waitFor();
          if (reducedMotion === 'no-preference') await until(page, 'window.faint > 2');
          else {
            fake.tell(addTopic('users', 'local/1', 3)); // by when the former is painted
            await page.locator('#tiles').getByText('3', { exact: true }).waitFor();
            await page.evaluate('new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))');
            assert.equal(await page.evaluate('window.faint'), 0);
          }
          assert.equal(await page.evaluate('document.getAnimations().length'), 0);
        });
      },
    );
  }

  test('fits its window with text twice as large, and when all is twice as large', { timeout }, async () => {
    await using fake = await FakeLookupd.start((each) => {
      each.answer('ui/about', { ...ABOUT, may: ['topic/create', 'topic/delete', 'channel/create', 'topic/tombstone'] });
      each.first = () =>
        snapshot({ 'local/1': peer('nsqd-eu-1-04.example') }, { 'orders.created': ['local/1'] }, 'a.1');
    });
    const check = async (page: Page, where: string) => {
      await page.getByRole('heading', { name: 'orders.created' }).waitFor();
      const wide = await page.evaluate<string[]>(`[...document.querySelectorAll('body *')]
        .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.unseen')).map(({ outerHTML }) => outerHTML.slice(0, 80))`);
      assert.deepEqual(wide, [], where);
      const { height } = (await page.locator('#canvas').boundingBox())!;
      assert.ok(height > 150, `${where}: the map is ${height} pixels high`);
    };
    const url = `${fake.url}#topic=orders.created`;
    const twice = { viewport: { width: 640, height: 380 }, deviceScaleFactor: 2 };
    await withPage(browser, { url, options: twice }, (page) => check(page, 'all'));
    await withPage(browser, { url }, async (page) => {
      await page.evaluate(`document.documentElement.style.fontSize = '28px'`);
      await page.getByRole('heading', { name: 'orders.created' }).waitFor();
      const title = `getComputedStyle(document.querySelector('#details h2')).fontSize`;
      assert.equal(parseFloat(await page.evaluate<string>(title)).toFixed(), '32');
      await check(page, 'text');
    });
  });

  /** As many topics as nsqds do not fit into the map's pixels. */
  const largePeer = (i: number, fields: Parameters<typeof peer>[1] = {}) =>
    peer(`nsqd-${String(i).padStart(3, '0')}`, { topology_zone: `zone-${i % 4}`, ...fields });
  const startLarge = (fields: Parameters<typeof peer>[1] = {}) =>
    FakeLookupd.start((each) => {
      const keys = Array.from({ length: 300 }, (_, i) => `local/${i}`);
      const peers = keys.map((key, i) => [key, largePeer(i, fields)] as const);
      const topics = Array.from({ length: 5000 }, (_, i) => {
        return [
          `team${String(i % 40).padStart(2, '0')}.topic-${i}`,
          keys.filter((_, at) => (at + i) % 50 === 0),
        ] as const;
      });
      each.first = () => snapshot(Object.fromEntries(peers), Object.fromEntries(topics), 'a.1');
    });

  test('stays readable with 5,000 topics at 300 nsqds', { timeout }, async () => {
    await using fake = await startLarge();
    await withPage(browser, { url: fake.url }, async (page) => {
      // What is written in the map, as it is painted last.
      await page.evaluate(`{
        const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
        window.written = [];
        CanvasRenderingContext2D.prototype.clearRect = function (...box) {
          window.written = [];
          return clearRect.apply(this, box);
        };
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          window.written.push(text);
          return fillText.call(this, text, ...rest);
        };
      }`);
      const writes = (text: string) => until(page, `window.written.includes(${JSON.stringify(text)})`);
      for (const zone of [0, 1, 2, 3]) await writes(`zone-${zone}`);
      await writes('team00 · 125');
      const canvas = (await page.locator('#canvas').boundingBox())!;
      await page.mouse.click(canvas.x + 60, canvas.y + 36); // a prefix is opened
      await until(
        page,
        `window.written.some((text) => text.startsWith('team00')) && !window.written.includes('team38 · 125')`,
      );
      for (let i = 0; i < 12; i++) await page.getByRole('button', { name: 'Zoom in' }).click();
      await until(page, `window.written.some((text) => /^team\\d\\d.topic-\\d+$/.test(text))`);
      await until(page, `window.written.some((text) => /^nsqd-\\d\\d\\d$/.test(text))`);
      await page.getByRole('button', { name: 'Fit' }).click();
      await writes('team38 · 125');
      await page.getByRole('searchbox', { name: 'Search' }).fill('topic-4321');
      await writes('team01.topic-4321');
      await openTables(page);
      await rowOf(page, 'team01.topic-4321').getByText('6 active').waitFor();
      await page.getByRole('searchbox', { name: 'Search' }).fill('nsqd-123');
      await page.locator('#table').getByText('nsqds (1)').waitFor();
      await page.getByRole('searchbox', { name: 'Search' }).fill('');
      await page.locator('#table').getByText('Topics (5,000)').waitFor();
      await page.getByRole('button', { name: 'More: 4,800 topics' }).click();
      await page.getByRole('button', { name: 'More: 4,600 topics' }).waitFor();
    });
  });

  test('is the same picture whether what changed is painted, or all', { timeout }, async () => {
    await using fake = await startLarge({ last_update_ms: Date.now() - HOUR_MS }); // all are silent
    await withPage(browser, { url: fake.url, options: { reducedMotion: 'reduce' } }, async (page) => {
      const hash = () =>
        page.evaluate<string>(`(async () => {
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
          const canvas = document.getElementById('canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return String(new Uint32Array(data.buffer).reduce((sum, pixel, i) => (sum * 31 + pixel + i) | 0, 7));
        })()`);
      const still = async () => {
        for (let last = '', same = 0; same < 5;) {
          const now = await hash();
          same = now === last ? same + 1 : 0;
          last = now;
        }
        return hash();
      };
      const topicTile = page.locator('#tiles dd').nth(1);
      await topicTile.getByText('5,000').waitFor();
      const before = await still();
      for (let i = 0; i < 30; i++) fake.tell(addTopic(`team${i}.more-${i}`, `local/${i * 7}`, i + 2));
      const gone = { type: 'registrationRemoved', category: 'topic', channel: '', topic: 'team03.topic-3' };
      fake.tell(event('change', { ...gone, revision: 40 }, 'a.40'));
      await topicTile.getByText('5,029').waitFor();
      const grown = await still();
      assert.notEqual(grown, before);
      const latest = page.locator('#changes li button').first();
      const heard = (i: number, revision: number) => {
        const change = { revision, type: 'peerTouched', peer_key: `local/${i}`, peer: largePeer(i) };
        fake.tell(event('change', change, `a.${revision}`));
      };
      heard(8, 41); // with a few topics
      await latest.getByText('nsqd-008').waitFor();
      const recoloured = await still();
      assert.notEqual(recoloured, grown);
      for (let i = 10; i < 50; i++) heard(i, i + 42); // with many, all together
      await latest.getByText('nsqd-049').waitFor();
      const changed = await still();
      assert.notEqual(changed, recoloured);
      await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
      assert.notEqual(await still(), changed);
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      assert.equal(await still(), changed);
    });
  });
});
