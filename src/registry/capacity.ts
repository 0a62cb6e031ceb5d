import type { RegistrationDB } from './registration-db.js';
import type { Registration } from './registration.js';

/** Registrations without a producer: those that producers have left, and those that were made without one. */
export type IdleKind = 'left' | 'made';

/** What one registration, or a producer of it, adds to the registry at the most, in bytes. */
const MAX_ADDED_BYTES = 1024;
/** After so many topics in use in a row the next one goes all the same. */
const MAX_TRIES = 100;

/** What the registry may hold, and who makes room when it is full. */
export class Capacity {
  readonly #db: RegistrationDB;
  readonly #maxRegistrations: number;
  readonly #maxBytes: number;

  constructor(db: RegistrationDB, maxRegistrations: number, maxBytes: number) {
    this.#db = db;
    this.#maxRegistrations = maxRegistrations;
    this.#maxBytes = maxBytes;
  }

  /** Whether the registry holds more than it may. */
  get isPassed(): boolean {
    return this.#db.size > this.#maxRegistrations || this.#db.bytes > this.#maxBytes;
  }

  /** Whether there is room, but for a part of all, for what is new of these, and for so many producers of them. */
  fits(registrations: readonly Registration[], producers: number, reserved: number): boolean {
    const db = this.#db;
    const [maxRegistrations, maxBytes] = [this.#maxRegistrations, this.#maxBytes];
    const [size, bytes] = [maxRegistrations - db.size, maxBytes - db.bytes];
    const most = registrations.length + producers;
    if (reserved === 0 && size >= most && bytes >= most * MAX_ADDED_BYTES) return true;

    // What makes room is what is idle; not these, which are to stay.
    const known = registrations.filter((registration) => db.hasRegistration(registration));
    const kept = known.filter((registration) => db.countProducers(registration) === 0).length;
    const kinds = reserved === 0 ? [db.idle.left, db.idle.made] : [db.idle.left];
    const freeSize = kinds.reduce((sum, idle) => sum + idle.size, size - kept);
    const freeBytes = kinds.reduce((sum, idle) => sum + idle.bytes, bytes - kept * MAX_ADDED_BYTES);
    return (
      most - known.length <= freeSize - Math.floor(partOf(maxRegistrations, reserved)) &&
      (most - known.length) * MAX_ADDED_BYTES <= freeBytes - partOf(maxBytes, reserved)
    );
  }

  /** A topic goes after its channels: while it has some, it is passed over. */
  #oldest(kind: IdleKind): Registration | undefined {
    let oldest = this.#db.oldestIdle(kind);
    for (let tries = 0; tries < MAX_TRIES && oldest?.category === 'topic'; tries++) {
      if (this.#db.countRegistrations('channel', oldest.key) === 0) return oldest;
      this.#db.renewIdle(oldest);
      oldest = this.#db.oldestIdle(kind);
    }
    return oldest;
  }

  /** Removes what has been idle for longest until the registry is within its limits, and gives each. */
  *makeRoom(kinds: readonly IdleKind[]): Generator<Registration, void, undefined> {
    const db = this.#db;
    for (const kind of kinds) {
      while (this.isPassed) {
        const registration = this.#oldest(kind);
        if (!registration) break;
        db.removeRegistration(registration);
        yield registration;
      }
    }
  }
}

/** Of no limit, no part. */
function partOf(limit: number, part: number): number {
  return limit === Infinity ? 0 : limit * part;
}
