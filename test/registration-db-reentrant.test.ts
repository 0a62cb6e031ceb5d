import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { RegistrationDB, topicRegistration, type Producer, type Registration } from 'nsqlookupd/registry';
import { createPeer } from 'nsqlookupd/testing';
import { runs } from './support/runs.js';

const PEERS = ['a:1', 'b:2', 'c:3'].map((name) => createPeer(name));
const REGS: Registration[] = [
  { category: 'client', key: '', subkey: '' },
  { category: 'topic', key: 't', subkey: '' },
  { category: 'topic', key: 'u', subkey: '' },
  { category: 'channel', key: 't', subkey: 'c' },
  { category: 'channel', key: 't', subkey: 'd' },
];
type Op = readonly [
  kind: 'addReg' | 'removeReg' | 'addProducer' | 'removeProducer' | 'removePeer' | 'tombstone' | 'touch',
  peer: number,
  reg: number,
];

/** The same, in the plainest way: rows in order, and a queue of what is to be told. */
class Naive {
  regs: { r: number; rows: number[] }[] = [];
  /** By peer, by key: the topic first, then what came last; they go in the same order, but the first last. */
  chains = PEERS.map(() => new Map<string, number[]>());
  queue: (readonly [event: string, r: number, p: number])[] = [];
  isTelling = false;
  constructor(readonly emit: (event: string, r: number, p: number) => void) {}
  do(op: Op): boolean | number[] {
    const result = this.change(op);
    if (this.isTelling) return result;
    this.isTelling = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) this.emit(...next);
    this.isTelling = false;
    return result;
  }
  change([kind, p, r]: Op): boolean | number[] {
    const reg = this.regs.find((x) => x.r === r);
    switch (kind) {
      case 'addReg':
        if (reg) return false;
        this.regs.push({ r, rows: [] });
        this.queue.push(['registrationAdded', r, -1]);
        return true;
      case 'removeReg': {
        if (!reg) return false;
        for (const row of reg.rows) this.unlink(r, row);
        this.regs = this.regs.filter((x) => x !== reg);
        this.queue.push(['registrationRemoved', r, -1]);
        return true;
      }
      case 'addProducer': {
        if (reg?.rows.includes(p)) return false;
        const entry = reg ?? { r, rows: [] };
        if (!reg) {
          this.regs.push(entry);
          this.queue.push(['registrationAdded', r, -1]);
        }
        entry.rows.push(p);
        const { key } = REGS[r]!;
        const chain = this.chains[p]!.get(key) ?? [];
        this.chains[p]!.set(key, chain);
        chain.splice(chain.length > 0 && REGS[chain[0]!]!.category !== 'channel' ? 1 : 0, 0, r);
        this.queue.push(['producerAdded', r, p]);
        return true;
      }
      case 'removeProducer': {
        if (!reg?.rows.includes(p)) return false;
        this.unlink(r, p);
        return true;
      }
      case 'removePeer': {
        const mine = this.ofPeer(p);
        for (const one of mine) this.unlink(one, p);
        return mine;
      }
      case 'tombstone': {
        if (!reg?.rows.includes(p)) return false;
        this.queue.push(['producerTombstoned', r, p]);
        return true;
      }
      case 'touch':
        return true;
    }
  }
  unlink(r: number, p: number): void {
    const reg = this.regs.find((x) => x.r === r)!;
    reg.rows = reg.rows.filter((row) => row !== p);
    const { key } = REGS[r]!;
    const chain = this.chains[p]!.get(key)!.filter((one) => one !== r);
    if (chain.length > 0) this.chains[p]!.set(key, chain);
    else this.chains[p]!.delete(key);
    this.queue.push(['producerRemoved', r, p]);
  }
  ofPeer(p: number): number[] {
    return [...this.chains[p]!.values()].flatMap(([first = -1, ...others]) => [...others, first]);
  }
}

const toIndex = ({ category, key, subkey }: Registration) =>
  REGS.findIndex((r) => r.category === category && r.key === key && r.subkey === subkey);

function apply(db: RegistrationDB, [kind, p, r]: Op): boolean | number[] {
  const [peer, reg] = [PEERS[p]!, REGS[r]!];
  switch (kind) {
    case 'addReg':
      return db.addRegistration(reg);
    case 'removeReg':
      return db.removeRegistration(reg);
    case 'addProducer':
      return db.addProducer(reg, peer);
    case 'removeProducer':
      return db.removeProducer(reg, peer);
    case 'removePeer':
      return db.removePeer(peer).map(toIndex);
    case 'tombstone':
      return db.tombstone(reg, peer, 1);
    case 'touch':
      db.touchPeer(peer);
      return true;
  }
}

test('model: re-entrant listeners', { timeout: 120_000 }, () => {
  const op: fc.Arbitrary<Op> = fc.tuple(
    fc.constantFrom<Op[0][]>(
      'addReg',
      'removeReg',
      'addProducer',
      'addProducer',
      'addProducer',
      'removeProducer',
      'removePeer',
      'tombstone',
      'touch',
    ),
    fc.nat(PEERS.length - 1),
    fc.nat(REGS.length - 1),
  );
  fc.assert(
    fc.property(
      fc.array(op, { minLength: 1, maxLength: 40 }),
      fc.array(fc.option(op), { maxLength: 60 }),
      (ops, inner) => {
        const run = (exec: (op: Op) => unknown, log: string[]) => {
          let at = 0;
          let depth = 0;
          const onEvent = (event: string, r: number, p: number) => {
            log.push(`${event} ${r} ${p}`);
            const next = depth < 6 ? inner[at++] : undefined;
            if (!next) return;
            depth++;
            log.push(`  ${next.join()} ${JSON.stringify(exec(next))}`);
            depth--;
          };
          return onEvent;
        };
        const dbLog: string[] = [];
        const errors: unknown[] = [];
        const db = new RegistrationDB({ onError: (error) => errors.push(error) });
        const onDb = run((o) => apply(db, o), dbLog);
        for (const event of ['registrationAdded', 'registrationRemoved'] as const)
          db.on(event, (r) => onDb(event, toIndex(r), -1));
        for (const event of ['producerAdded', 'producerRemoved', 'producerTombstoned'] as const) {
          db.on(event, (r, { peer }) => onDb(event, toIndex(r), PEERS.indexOf(peer)));
        }
        const naiveLog: string[] = [];
        const naive: Naive = new Naive((event, r, p) => onNaive(event, r, p));
        const onNaive = run((o) => naive.do(o), naiveLog);
        for (const o of ops) {
          dbLog.push(`${o.join()} ${JSON.stringify(apply(db, o))}`);
          naiveLog.push(`${o.join()} ${JSON.stringify(naive.do(o))}`);
          assert.deepEqual(dbLog, naiveLog);
          assert.deepEqual(errors, []);
          const rows = new Map(
            [...db.entries()].map(([r, producers]) => [
              toIndex(r),
              [...producers].map((x: Producer) => PEERS.indexOf(x.peer)),
            ]),
          );
          assert.deepEqual(rows, new Map(naive.regs.map(({ r, rows }) => [r, rows])) as never);
          PEERS.forEach((peer, p) => {
            assert.deepEqual(db.registrationsOf(peer).map(toIndex), naive.ofPeer(p));
            assert.equal(db.countRegistrationsOf(peer), naive.ofPeer(p).length);
          });
          assert.equal(db.size, naive.regs.length + naive.regs.reduce((n, { rows }) => n + rows.length, 0));
          assert.equal(db.indexSizes.peers, PEERS.filter((_, p) => naive.ofPeer(p).length > 0).length);
          assert.equal(db.indexSizes.keys, new Set(naive.regs.map(({ r }) => REGS[r]!.key)).size);
          assert.deepEqual(
            new Set(db.findRegistrations('channel', '*', '*').map(toIndex)),
            new Set(naive.regs.map(({ r }) => r).filter((r) => r >= 3)),
          );
        }
      },
    ),
    { numRuns: runs(4000) },
  );
});

const needsGC = { skip: !globalThis.gc && 'needs --expose-gc', timeout: 20_000 };
test('a producer that was removed does not hold those that came after it', needsGC, async () => {
  const db = new RegistrationDB();
  const peer = createPeer('a:1');
  const later: WeakRef<Producer>[] = [];
  let first: Producer | undefined;
  db.on('producerRemoved', (_, producer) => (first ??= producer)); // a host's log of what was lost last, say
  db.addProducer(topicRegistration('t0'), peer);
  for (let i = 1; i <= 1000; i++) {
    const registration = topicRegistration(`t${i}`);
    db.addProducer(registration, peer);
    later.push(new WeakRef(db.getProducer(registration, peer)!));
    db.removeRegistration(topicRegistration(`t${i - 1}`));
  }
  for (let i = 0; i < 3; i++) {
    await turn();
    globalThis.gc!();
  }
  const held = later.filter((ref) => ref.deref()).length;
  assert.ok(first);
  assert.ok(held < 10, `${held} producers of registrations that are gone are held`);
});

test('neither a registration that has gone nor one of its producers holds the others', needsGC, async () => {
  const db = new RegistrationDB();
  const kept: unknown[] = [];
  db.onChange((change) => kept.length < 1000 && change.type.endsWith('Removed') && kept.push(change)); // as a feed keeps them
  const orders = topicRegistration('orders');
  const others: WeakRef<Producer>[] = [];
  for (let i = 0; i < 2000; i++) db.addProducer(orders, createPeer(`p${i}:1`));
  for (const producer of [...db.producersOf(orders)].slice(1000)) others.push(new WeakRef(producer));
  db.removeRegistration(orders);
  for (let i = 0; i < 3; i++) {
    await turn();
    globalThis.gc!();
  }
  assert.equal(kept.length, 1000);
  const held = others.filter((ref) => ref.deref()).length;
  assert.ok(held < 10, `${held} producers that were not kept are held`);
});
