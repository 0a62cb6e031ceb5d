import assert from 'node:assert/strict';
import { setImmediate as macrotask } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { LookupClient, resolveLookupds, type TopicChange } from 'nsqlookupd/client';
import { createMemoryLookupd, ManualClock, type MemoryLookupd } from 'nsqlookupd/testing';

/** A lookupd by hand, whose `/watch` says what the test says. */
class TellingLookupd {
  readonly asked: { readonly url: string; readonly headers: Headers }[] = [];
  #streams = new Set<ReadableStreamDefaultController<Uint8Array>>();
  first = '';
  isUp = true;
  contentType = 'text/event-stream';

  fetch = (url: string, init: RequestInit): Promise<Response> => {
    this.asked.push({ url, headers: new Headers(init.headers) });
    if (!this.isUp) return Promise.reject(new TypeError('fetch failed', { cause: new Error('refused') }));
    let stream: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        stream = controller;
        this.#streams.add(controller);
        if (this.first !== '') this.send(this.first);
      },
      cancel: () => void this.#streams.delete(stream),
    });
    init.signal?.addEventListener('abort', () => this.#streams.delete(stream));
    return Promise.resolve(new Response(body, { headers: { 'content-type': this.contentType } }));
  };

  get watchers(): number {
    return this.#streams.size;
  }

  send(text: string): void {
    for (const stream of this.#streams) stream.enqueue(new TextEncoder().encode(text));
  }

  endAll(): void {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }
}

const producer = (host: string) => ({
  remote_address: `${host}:1`,
  hostname: host,
  broadcast_address: host,
  tcp_port: 4150,
  http_port: 4151,
  version: '1.3.0',
});

function event(index: string, ...hosts: readonly string[]): string {
  const data = JSON.stringify({ topic: 'orders', channels: [], producers: hosts.map(producer) });
  return `event: lookup\nid: ${index}\ndata: ${data}\n\n`;
}

const names = (producers: TopicChange['producers']) => producers.map(({ broadcastAddress }) => broadcastAddress);
const summary = ({ added, removed }: TopicChange) => ({ added: names(added), removed: names(removed) });

async function next(changes: AsyncGenerator<TopicChange, void>): Promise<ReturnType<typeof summary>> {
  const { value } = await changes.next();
  assert.ok(value);
  return summary(value);
}

/** Lets all that can happen without the clock happen. */
async function settled(clock: ManualClock): Promise<void> {
  for (let i = 0; i < 10; i++) await macrotask();
  await clock.advanceAsync(0);
}

describe('a watched topic', { timeout: 20_000 }, () => {
  const start = (...lookupds: readonly TellingLookupd[]) => {
    const clock = new ManualClock();
    const byHost = new Map(lookupds.map((lookupd, i) => [`l${i}:4161`, lookupd]));
    const fetch = (url: string, init: RequestInit) => byHost.get(new URL(url).host)!.fetch(url, init);
    const client = new LookupClient({ lookupds: [...byHost.keys()], fetch, timers: clock, random: () => 0.5 });
    const stop = new AbortController();
    return { clock, client, stop, changes: client.watch('orders', { signal: stop.signal }) };
  };

  test('is told as it is, then what comes and goes', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('e.1', 'a');
    const { changes, stop, clock } = start(lookupd);
    assert.deepEqual(await next(changes), { added: ['a'], removed: [] });
    lookupd.send(event('e.2', 'a', 'b'));
    assert.deepEqual(await next(changes), { added: ['b'], removed: [] });
    lookupd.send(event('e.3', 'b'));
    assert.deepEqual(await next(changes), { added: [], removed: ['a'] });
    lookupd.send('event: gone\nid: e.4\ndata: {"topic":"orders"}\n\n');
    assert.deepEqual(await next(changes), { added: [], removed: ['b'] });
    stop.abort();
    assert.deepEqual(await changes.next(), { done: true, value: undefined });
    await settled(clock);
    assert.deepEqual([lookupd.watchers, clock.pending], [0, 0]);
  });

  test('is the newest for who is slow, and nothing for what is the same', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('e.1', 'a');
    const { changes, clock } = start(lookupd);
    await next(changes);
    for (const hosts of [['b'], ['c'], ['a', 'd']]) lookupd.send(event('e.2', ...hosts));
    await settled(clock);
    assert.deepEqual(await next(changes), { added: ['d'], removed: [] });
    lookupd.send(event('e.3', 'd', 'a'));
    await settled(clock);
    lookupd.send(event('e.4', 'a'));
    assert.deepEqual(await next(changes), { added: [], removed: ['d'] });
    await changes.return();
  });

  test('goes on where it was after its stream has ended, when the lookupd says', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('e.1', 'a');
    const { changes, clock } = start(lookupd);
    await next(changes);
    lookupd.send('retry: 2000\n\n');
    await settled(clock);
    lookupd.endAll();
    await settled(clock);
    lookupd.first = event('f.9', 'b');
    await clock.advanceAsync(1999);
    assert.equal(lookupd.asked.length, 1);
    await clock.advanceAsync(1);
    assert.deepEqual(await next(changes), { added: ['b'], removed: ['a'] });
    assert.equal(lookupd.asked[1]!.headers.get('last-event-id'), 'e.1');
    await changes.return();
  });

  test('keeps what a lookupd that is down has said, and says that it is down', async () => {
    const [up, down] = [new TellingLookupd(), new TellingLookupd()];
    up.first = event('e.1', 'a', 'both');
    down.first = event('e.1', 'b', 'both');
    const { changes, clock } = start(up, down);
    await settled(clock);
    const { value } = await changes.next();
    assert.deepEqual(names(value!.producers).sort(), ['a', 'b', 'both']);
    assert.deepEqual(value!.producers.find(({ broadcastAddress }) => broadcastAddress === 'both')?.lookupds, [
      'l0:4161',
      'l1:4161',
    ]);
    down.isUp = false;
    down.endAll();
    await clock.advanceAsync(60_000);
    up.send(event('e.2', 'a'));
    await settled(clock);
    up.send(event('e.3', 'a', 'c'));
    const { value: later } = await changes.next();
    assert.deepEqual(summary(later!), { added: ['c'], removed: [] });
    assert.deepEqual(names(later!.producers).sort(), ['a', 'b', 'both', 'c']);
    assert.deepEqual(
      later!.failures.map(({ address, error }) => [address, error.message]),
      [['l1:4161', 'fetch failed']],
    );
    down.first = event('f.1', 'b');
    down.isUp = true;
    await clock.advanceAsync(15_000);
    assert.deepEqual(await next(changes), { added: [], removed: ['both'] });
    await changes.return();
  });

  test('that is told by rubbish is a failure, and is tried again', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = 'event: lookup\ndata: rubbish\n\n';
    const { changes, clock } = start(lookupd);
    const first = changes.next();
    await settled(clock);
    lookupd.first = event('e.1', 'a');
    await clock.advanceAsync(1000);
    const { value } = await first;
    assert.deepEqual(summary(value!), { added: ['a'], removed: [] });
    await changes.return();
  });

  test('of a stream in which nothing comes any more is asked for anew', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('e.1', 'a');
    const { changes, clock } = start(lookupd);
    await next(changes);
    await clock.advanceAsync(40_000);
    lookupd.send(': alive\n\n');
    await settled(clock);
    await clock.advanceAsync(40_000);
    assert.equal(lookupd.asked.length, 1);
    lookupd.first = event('e.2', 'b');
    await clock.advanceAsync(6_000);
    assert.deepEqual(await next(changes), { added: ['b'], removed: ['a'] });
    assert.equal(lookupd.watchers, 1);
    await changes.return();
  });

  test('ends at once by return, also while it waits', async () => {
    const lookupd = new TellingLookupd();
    const { changes, clock } = start(lookupd);
    const waiting = changes.next();
    await settled(clock);
    await changes.return();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    await settled(clock);
    assert.deepEqual([lookupd.watchers, clock.pending], [0, 0]);
  });
});

describe('a lookupd that lies', { timeout: 20_000 }, () => {
  const start = (lookupd: TellingLookupd) => {
    const clock = new ManualClock();
    const client = new LookupClient({ lookupds: ['l:4161'], fetch: lookupd.fetch, timers: clock, random: () => 0 });
    return { clock, client, changes: client.watch('orders') };
  };

  for (const first of ['', 'retry: 0\n\n', ': alive\n\n']) {
    test(`and ends its streams after ${JSON.stringify(first)} is asked ever more seldom`, async () => {
      const lookupd = new TellingLookupd();
      lookupd.first = first;
      const { changes, clock } = start(lookupd);
      const waiting = changes.next();
      for (let i = 0; i < 150; i++) {
        await settled(clock);
        lookupd.endAll();
        await clock.advanceAsync(400);
      }
      assert.ok(lookupd.asked.length > 5 && lookupd.asked.length < 20, `${lookupd.asked.length} in a minute`);
      await changes.return();
      await waiting;
    });
  }

  for (const [retry, pauseMs] of [
    ['0', 100],
    ['9'.repeat(400), 60_000],
  ] as const) {
    test(`and says to come back after ${retry.slice(0, 10)} is asked after ${pauseMs} ms`, async () => {
      const lookupd = new TellingLookupd();
      lookupd.first = `retry: ${retry}\n${event('e.1', 'a')}`;
      const { changes, clock } = start(lookupd);
      await next(changes);
      lookupd.endAll();
      await settled(clock);
      await clock.advanceAsync(pauseMs - 1);
      assert.equal(lookupd.asked.length, 1);
      await clock.advanceAsync(1);
      assert.equal(lookupd.asked.length, 2);
      await changes.return();
    });
  }

  test('with an index that no header takes is asked without it', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('\u20ac \u0001', 'a');
    const { changes, clock } = start(lookupd);
    await next(changes);
    lookupd.first = event('e.1', 'b');
    lookupd.endAll();
    await settled(clock);
    await clock.advanceAsync(100);
    assert.deepEqual(await next(changes), { added: ['b'], removed: ['a'] });
    assert.equal(lookupd.asked[1]?.headers.get('last-event-id'), null);
    await changes.return();
  });

  test('with an event that has no list of producers removes nobody', async () => {
    const lookupd = new TellingLookupd();
    lookupd.first = event('e.1', 'a');
    const { changes, clock } = start(lookupd);
    await next(changes);
    for (const data of ['{}', '[]', '{"producers":"none"}', '{"message":"TOPIC_NOT_FOUND"}']) {
      lookupd.send(`event: lookup\ndata: ${data}\n\n`);
      lookupd.first = '';
      await settled(clock);
      await clock.advanceAsync(15_000);
    }
    lookupd.send(event('e.2', 'a', 'b'));
    assert.deepEqual(await next(changes), { added: ['b'], removed: [] });
    await changes.return();
  });

  test('that answers with a new index at once is asked ten times a second', async () => {
    let asked = 0;
    const clock = new ManualClock();
    const fetch = () =>
      Promise.resolve(Response.json({ producers: [] }, { headers: { 'x-nsq-index': `e.${asked++}` } }));
    const changes = new LookupClient({ lookupds: ['l:4161'], fetch, timers: clock }).watchNodes();
    await changes.next();
    for (let i = 0; i < 50; i++) await settled(clock);
    assert.equal(asked, 1);
    await clock.advanceAsync(1000);
    assert.ok(asked > 1 && asked <= 11, `${asked} times`);
    await changes.return();
  });

  test('in ever so many chunks costs what it is long', async () => {
    const lookupd = new TellingLookupd();
    const { changes, clock } = start(lookupd);
    const waiting = next(changes);
    await settled(clock);
    // eslint-disable-next-line @typescript-eslint/unbound-method -- put back as it was
    const { split } = String.prototype;
    let characters = 0;
    String.prototype.split = new Proxy(split, {
      apply: (target, text: string, args: [string]) => {
        characters += text.length;
        return Reflect.apply(target, text, args) as string[];
      },
    });
    try {
      const text = event('e.1', 'h\u00e4ng'.repeat(500)).replaceAll('\n', '\r\n');
      for (const character of text) lookupd.send(character);
      assert.deepEqual(await waiting, { added: ['h\u00e4ng'.repeat(500)], removed: [] });
      assert.ok(characters < 20 * text.length, `${characters} of ${text.length}`);
    } finally {
      String.prototype.split = split;
    }
    await changes.return();
  });

  test('in a function that never says which lookupds there are keeps nobody', async () => {
    const clock = new ManualClock();
    const client = new LookupClient({ lookupds: () => new Promise(() => {}), timers: clock });
    const changes = client.watch('orders');
    const waiting = changes.next();
    await settled(clock);
    await changes.return();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    const stop = new AbortController();
    const aborted = client.watchNodes({ signal: stop.signal }).next();
    await settled(clock);
    stop.abort();
    assert.deepEqual(await aborted, { done: true, value: undefined });
  });
});

describe('a lookupd that cannot tell', { timeout: 20_000 }, () => {
  const start = (lookupds: LookupClientLookupds, fetch: MemoryLookupd['fetch'], clock: ManualClock) =>
    new LookupClient({ lookupds, fetch, timers: clock, random: () => 1, watchIntervalMs: 1000 });
  type LookupClientLookupds = ConstructorParameters<typeof LookupClient>[0]['lookupds'];

  test('is asked every so often, three tenths more or less', async () => {
    const lookupd = createMemoryLookupd();
    const { clock } = lookupd;
    const nsqd = await lookupd.nsqd('a:4150');
    await nsqd.register('orders');
    const changes = start(['l:4161'], lookupd.fetch, clock).watch('orders');
    assert.deepEqual(await next(changes), { added: ['a'], removed: [] });
    const other = await lookupd.nsqd('b:4150');
    await other.register('orders');
    const change = changes.next();
    let isKnown = false;
    void change.then(() => (isKnown = true));
    await clock.advanceAsync(1299);
    await settled(clock);
    assert.equal(isKnown, false);
    await clock.advanceAsync(1);
    assert.deepEqual(summary((await change).value!), { added: ['b'], removed: [] });
    await changes.return();
  });

  test('gives its nodes: those that come, carry others, and go', async () => {
    const lookupd = createMemoryLookupd();
    const { clock } = lookupd;
    const nsqd = await lookupd.nsqd('a:4150');
    const changes = start(['l:4161'], lookupd.fetch, clock).watchNodes();
    const wait = async () => {
      const change = changes.next();
      for (let i = 0; i < 3; i++) {
        await settled(clock);
        await clock.advanceAsync(700);
      }
      const { added, changed, removed } = (await change).value!;
      return [added, changed, removed].map(names);
    };
    assert.deepEqual(await wait(), [['a'], [], []]);
    await nsqd.register('orders');
    assert.deepEqual(await wait(), [[], ['a'], []]);
    nsqd.drop();
    assert.deepEqual(await wait(), [[], [], ['a']]);
    await changes.return();
  });

  test('and others, as a function gives them, come and go', async () => {
    const [one, two] = [createMemoryLookupd(), createMemoryLookupd()];
    const { clock } = one;
    await (await one.nsqd('a:4150')).register('orders');
    await (await two.nsqd('b:4150')).register('orders');
    let lookupds = ['one:4161'];
    const fetch: MemoryLookupd['fetch'] = (url, init) =>
      (new URL(url).host === 'one:4161' ? one : two).fetch(url, init);
    const changes = start(() => Promise.resolve(lookupds), fetch, clock).watch('orders');
    assert.deepEqual(await next(changes), { added: ['a'], removed: [] });
    lookupds = ['one:4161', 'two:4161'];
    let change = next(changes);
    await clock.advanceAsync(1500);
    await settled(clock);
    assert.deepEqual(await change, { added: ['b'], removed: [] });
    lookupds = ['two:4161'];
    change = next(changes);
    await clock.advanceAsync(1500);
    await settled(clock);
    assert.deepEqual(await change, { added: [], removed: ['a'] });
    await changes.return();
    assert.deepEqual((await start(() => lookupds, fetch, clock).lookup('orders')).producers.length, 1);
  });
});

test('a watch refuses what is wrong at once', () => {
  const client = new LookupClient({ lookupds: ['l:4161'] });
  assert.throws(() => client.watch('no such name'), /^TypeError: not a legal topic name/);
  assert.throws(() => client.watch('orders', { signals: 5 } as never), /watch has no option "signals"/);
  assert.throws(() => client.watchNodes({ signal: 5 as never }), /signal must be an AbortSignal/);
  assert.throws(() => new LookupClient({ lookupds: 5 as never }), /lookupds must be an array/);
});

describe('resolveLookupds', () => {
  test('gives the addresses behind a name', async () => {
    assert.deepEqual(await resolveLookupds('127.0.0.1:4161')(), ['127.0.0.1:4161']);
    assert.deepEqual(await resolveLookupds('[::1]:4161')(), ['[::1]:4161']);
    assert.ok(
      (await resolveLookupds('localhost:4161')()).every((address) => /^(127\.0\.0\.1|\[::1\]):4161$/.test(address)),
    );
    for (const wrong of ['', 'host', 'host:port', '_http._tcp.host:4161', 'http://host:4161', 5]) {
      assert.throws(() => resolveLookupds(wrong as string), TypeError, String(wrong));
    }
    await assert.rejects(resolveLookupds('no-such-host.invalid:4161')());
  });
});
