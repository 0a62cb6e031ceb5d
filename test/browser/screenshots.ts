// `npm run screenshots`: writes docs/page-*.png, the page in four states.
import { setTimeout as sleep } from 'node:timers/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { RegistrationDB, Topology } from 'nsqlookupd/registry';
import { createFindings } from 'nsqlookupd/operate';
import { Fleet, launch } from './browser.js';

const ZONES = ['eu-1', 'eu-2', 'us-1'];
const TOPICS = ['billing', 'mail', 'media', 'orders', 'search', 'users'].flatMap((prefix) =>
  ['archived', 'changed', 'created', 'failed'].map((name) => `${prefix}.${name}`),
);

const db = new RegistrationDB();
// Names are made up, and not looked for.
const { routes } = createFindings({ topology: new Topology({ db }) });
const fleet = await Fleet.start({ db, routes, findings: false, tombstoneLifetimeMs: 600_000 });
for (let number = 1; number <= 24; number++) {
  const zone = ZONES[number % ZONES.length]!;
  const topics = TOPICS.filter((_, i) => (i * 7 + number * 5) % 11 < 5);
  await fleet.add(`nsqd-${String(number).padStart(2, '0')}:4150`, topics, {
    topologyZone: zone,
    topologyRegion: zone.slice(0, 2),
    version: number === 9 ? '1.2.1' : '1.3.0',
  });
}
fleet.lookupd.topology.createChannel('orders.returned', 'workers');
for (const node of ['nsqd-07:4151', 'nsqd-12:4151', 'nsqd-20:4151'])
  fleet.lookupd.topology.tombstone('orders.created', node);

const browser = await launch();
async function shoot(
  name: string,
  options: BrowserContextOptions,
  act: (page: Page) => Promise<unknown>,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, ...options });
  const page = await context.newPage();
  await page.goto(fleet.url);
  await page.locator('#way[data-way=live]').waitFor();
  const moving = [3, 8, 14].map(async (i) => {
    for (const topic of ['mail.bounced', 'users.banned']) await fleet.nsqds[i]!.register(topic, 'workers');
    for (const topic of ['mail.bounced', 'users.banned']) await fleet.nsqds[i]!.unregister(topic);
  });
  await Promise.all(moving);
  await act(page);
  await sleep(2500); // what has flashed is still again
  await page.screenshot({ path: `docs/page-${name}.png` });
  await context.close();
}

await shoot('light', {}, () => Promise.resolve());
await shoot('dark', { colorScheme: 'dark' }, async (page) => {
  await page.getByRole('button', { name: 'Table' }).click();
  await page.getByRole('button', { name: 'orders.created', exact: true }).click();
  await page.getByRole('button', { name: 'Table' }).click();
});
await shoot('findings', {}, (page) => page.getByRole('tab', { name: 'Findings' }).click());
await shoot('phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 }, () => Promise.resolve());
await browser.close();
await fleet[Symbol.asyncDispose]();
