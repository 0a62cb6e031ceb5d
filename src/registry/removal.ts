import type { Logger } from '../base/logger.js';
import type { Steps } from '../base/work-queue.js';
import { isEphemeral } from './names.js';
import type { RegistrationDB } from './registration-db.js';
import { ANY, type Registration } from './registration.js';

/** To put a line together for the log is more work than most changes. */
export function stepsOfALine(log: Logger): number {
  return log.info ? 4 : 1;
}

/** A producer has left a registration: it goes if it is ephemeral and that was its last, a topic with its channels. */
export function* removingEphemeral(db: RegistrationDB, log: Logger, registration: Registration): Steps {
  const { category, key, subkey } = registration;
  if (!isEphemeral(category === 'topic' ? key : subkey) || db.countProducers(registration) > 0) return;
  if (db.removeRegistration(registration) && category === 'topic') yield* removingChannels(db, log, key);
}

export function* removingChannels(db: RegistrationDB, log: Logger, topic: string): Steps {
  if (topic === ANY) return;
  for (const registration of db.eachRegistration('channel', topic, ANY)) {
    yield* removing(db, log, registration);
    yield stepsOfALine(log);
  }
}

/** Ends its producers' parts one at a time, then removes it. False if there is no such registration. */
export function* removing(db: RegistrationDB, log: Logger, registration: Registration): Steps<boolean> {
  if (!db.hasRegistration(registration)) return false;
  log.info?.(toLine('removing', registration));
  for (const { peer } of db.producersOf(registration)) {
    if (db.removeProducer(registration, peer)) yield;
  }
  return db.removeRegistration(registration);
}

export function describe({ category, key, subkey }: Registration): string {
  return `category:${category} key:${key} subkey:${subkey}`;
}

export function toLine(verb: 'adding' | 'removing', { category, key, subkey }: Registration): string {
  if (category === 'topic') return `DB: ${verb} topic(${key})`;
  return `DB: ${verb} channel(${subkey}) ${verb === 'adding' ? 'in' : 'from'} topic(${key})`;
}
