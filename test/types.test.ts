import { test } from 'node:test';
import { expectTypeOf } from 'expect-type';
import { createLookupd } from 'nsqlookupd/daemon';
import {
  RegistrationDB,
  type Producer,
  type Registration,
  type RegistrationDBEvents,
  type SafeEmitter,
} from 'nsqlookupd/registry';

// The compiler holds these; running them shows that the calls are real.
test('the events of a RegistrationDB are typed', () => {
  const db = new RegistrationDB();
  expectTypeOf(db).toExtend<SafeEmitter<RegistrationDBEvents>>();
  expectTypeOf(db.eventNames()).toEqualTypeOf<(keyof RegistrationDBEvents)[]>();

  for (const event of ['registrationAdded', 'registrationRemoved'] as const) {
    db.on(event, (...args) => expectTypeOf(args).toEqualTypeOf<[registration: Registration]>());
  }
  for (const event of ['producerAdded', 'producerRemoved', 'producerTombstoned'] as const) {
    db.once(event, (...args) => expectTypeOf(args).toEqualTypeOf<[registration: Registration, producer: Producer]>());
  }
  db.on('producerAdded', ({ category, key, subkey }, { peer, tombstonedAtMs }) => {
    expectTypeOf(category).toEqualTypeOf<'client' | 'topic' | 'channel'>();
    expectTypeOf([key, subkey]).toEqualTypeOf<string[]>();
    expectTypeOf(peer.tcpPort).toEqualTypeOf<number>();
    expectTypeOf(tombstonedAtMs).toEqualTypeOf<number | undefined>();
  });
  db.off('producerAdded', (registration) => expectTypeOf(registration).toEqualTypeOf<Registration>());
  db.addListener('producerAdded', (registration) => expectTypeOf(registration).toEqualTypeOf<Registration>());
  db.removeListener('producerAdded', (_, producer) => expectTypeOf(producer).toEqualTypeOf<Producer>());

  // @ts-expect-error there is no such event
  db.on('producerAded', () => {});
  // @ts-expect-error there is no such event
  db.once('error', () => {});
  // @ts-expect-error there is no such event
  db.off('added', () => {});
  // @ts-expect-error a registration is no text
  db.on('registrationAdded', (registration: string) => registration);
  // @ts-expect-error a registration is told alone
  db.on('registrationRemoved', (registration, producer) => [registration, producer].length);
});

test('the events of a lookupd are those of its db', () => {
  const { db } = createLookupd();
  expectTypeOf(db).toEqualTypeOf<RegistrationDB>();
});
