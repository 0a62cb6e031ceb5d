import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
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
