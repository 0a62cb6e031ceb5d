import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
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

  test('gives the place of one that has gone to others at once, whether or not there is news', async () => {
    for (const httpFastPath of [true, false]) {
      const { lookupd, url } = await start({ httpFastPath, maxWatchers: 1 });
      const { port } = new URL(url);
      for (const query of ['?topic=orders', '', `?topic=${'orders&topic='.repeat(40)}orders`]) {
        const watching = () => {
          const socket = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
          socket.write(`GET /watch${query} HTTP/1.1\r\nHost: x\r\n\r\n`);
          return socket;
        };
        const comes = watching();
        const [head] = (await once(comes, 'data')) as [Buffer];
        assert.match(head.toString(), /^HTTP\/1.1 200 /, query);
        comes.resume().end();
        await once(comes, 'end');
        const goes = watching().resume();
        goes.end(); // before it is answered
        await once(goes, 'end');
        assert.equal(lookupd.watchers, 0);
      }
      await lookupd.close();
    }
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
