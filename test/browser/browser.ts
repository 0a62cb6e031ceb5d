import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core';
import { createLookupd, type Lookupd, type LookupdOptions } from 'nsqlookupd/daemon';
import type { Identity } from 'nsqlookupd/protocol';
import { FakeNsqd } from 'nsqlookupd/testing';

const PATHS = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = PATHS.find((path) => path !== undefined && path !== '' && existsSync(path));

/** Why there is no browser; false where there is one. It says so on the console, too. */
export function skipWithoutBrowser(): string | false {
  if (executablePath !== undefined) return false;
  const reason = 'SKIPPED: chromium is not installed (Debian: apt-get install chromium)';
  console.error(reason);
  return reason;
}

export function launch(): Promise<Browser> {
  return chromium.launch(executablePath === undefined ? {} : { executablePath });
}

export interface Visit {
  readonly url: string;
  readonly options?: BrowserContextOptions;
  /** What its console may complain of. */
  readonly expects?: RegExp;
}

/** Opens a page, and fails for what its console complains of, and for requests elsewhere. `clock`: the page's time is the test's to turn. */
export async function withPage(
  browser: Browser,
  { url, options = {}, expects = /$^/ }: Visit,
  use: (page: Page) => Promise<void>,
  { clock = false } = {},
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !expects.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL('/', url).href) && !request.url().startsWith('data:'))
      elsewhere.push(request.url());
  });
  page.setDefaultTimeout(15_000);
  try {
    if (clock) await page.clock.install();
    await page.goto(url);
    await use(page);
    assert.deepEqual({ complaints, elsewhere }, { complaints: [], elsewhere: [] });
  } finally {
    await context.close();
  }
}

/** Waits until an expression holds in the page, whose policy lets none be made of a text there. */
export async function until(page: Page, expression: string): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await page.evaluate(expression))) if (performance.now() > end) throw new Error(`never: ${expression}`);
}

/** Turns the page's clock on until that is seen. */
export async function turnUntil(page: Page, what: Locator): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if (await what.isVisible()) return;
    await page.clock.runFor(1000);
    await what.waitFor({ timeout: 250 }).catch(() => undefined);
  }
  await what.waitFor({ timeout: 1 });
}

/** A lookupd with its page, and nsqds on real sockets. */
export class Fleet implements AsyncDisposable {
  readonly lookupd: Lookupd;
  readonly #options: LookupdOptions;
  readonly nsqds: FakeNsqd[] = [];
  tcpAddress = '';
  httpAddress = '';

  private constructor(options: LookupdOptions) {
    this.#options = options;
    this.lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      broadcastAddress: 'localhost',
      ui: true,
      findings: true,
      graceMs: 100,
      ...options,
    });
  }

  static async start(options: LookupdOptions = {}): Promise<Fleet> {
    const fleet = new Fleet(options);
    Object.assign(fleet, await fleet.lookupd.listen());
    return fleet;
  }

  /** After `lookupd.close()`: another one at the same addresses. */
  restart(): Promise<Fleet> {
    return Fleet.start({ ...this.#options, tcpAddress: this.tcpAddress, httpAddress: this.httpAddress });
  }

  get url(): string {
    return `http://${this.httpAddress}/ui`;
  }

  async add(name: string, topics: readonly string[], fields: Partial<Identity> = {}): Promise<FakeNsqd> {
    const nsqd = await FakeNsqd.connect(this.tcpAddress, name, fields);
    nsqd.closed.catch(() => undefined);
    await nsqd.identify();
    for (const topic of topics) {
      await nsqd.register(topic);
      await nsqd.register(topic, 'workers');
    }
    this.nsqds.push(nsqd);
    return nsqd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const nsqd of this.nsqds) nsqd.drop();
    await this.lookupd.close();
  }
}

/** The row of the page's tables that begins with that name. */
export function rowOf(page: Page, name: string) {
  return page.locator('#table tr', { has: page.getByRole('button', { name, exact: true }) });
}

export async function openTables(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Table' }).click();
}
