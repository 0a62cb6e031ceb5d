import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createLookupd, type LookupdOptions } from 'nsqlookupd/daemon';

const folder = mkdtempSync(join(tmpdir(), 'watch-daemon-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function start(options: LookupdOptions) {
  const lookupd = createLookupd({ tcpAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', ...options });
  const { httpAddress } = await lookupd.listen();
  return { lookupd, url: `http://${httpAddress}` };
}

describe('a lookupd that is watched', { timeout: 20_000 }, () => {
  test('ends the watch of a token that is taken from somebody, when the file is read again', async () => {
    const authTokenFile = join(folder, 'tokens');
    const kept = 'a-token-that-stays-there';
    const gone = 'a-token-that-will-be-gone';
    writeFileSync(authTokenFile, `${kept} read\n${gone} read\n`, { mode: 0o600 });
    const { lookupd, url } = await start({ authTokenFile });
    const watch = (token: string) =>
      fetch(`${url}/watch?topic=orders`, { headers: { Authorization: `Bearer ${token}` } });
    const stays = await watch(kept);
    const ends = await watch(gone);
    const waits = fetch(`${url}/lookup?topic=orders&index=`, { headers: { Authorization: `Bearer ${gone}` } });
    const index = (await waits).headers.get('x-nsq-index');
    writeFileSync(authTokenFile, `${kept} read\n`);
    lookupd.reload();
    assert.match(await ends.text(), /^event: gone\n/);
    assert.equal((await watch(gone)).status, 401);
    const again = await fetch(`${url}/lookup?topic=orders&index=${index}`, {
      headers: { Authorization: `Bearer ${gone}` },
    });
    assert.equal(again.status, 401);
    assert.equal(lookupd.watchers, 1);
    await stays.body!.cancel();
    await lookupd.close();
  });

  test('lets nobody watch or wait where it is to be none', async () => {
    const { lookupd, url } = await start({ maxWatchers: 0 });
    for (const path of ['watch', 'watch?topic=t', 'lookup?topic=t&index=', 'nodes?index=0.0']) {
      const answer = await fetch(`${url}/${path}`);
      assert.deepEqual([answer.status, await answer.json()], [503, { message: 'TOO_MANY_WATCHERS' }], path);
    }
    const plain = await fetch(`${url}/topics`);
    assert.equal(plain.status, 200);
    await lookupd.close();
  });

  test('ends while its store still loads', async () => {
    const never = () => new Promise<never>(() => {});
    const lookupd = createLookupd({
      tcpAddress: '127.0.0.1:0',
      httpAddress: '127.0.0.1:0',
      store: { load: never, save: never, close: never },
      graceMs: 10,
    });
    const listening = assert.rejects(lookupd.listen(), /the lookupd is closed/);
    await lookupd.close();
    await listening;
  });
});
