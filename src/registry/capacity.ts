import type { RegistrationDB } from './registration-db.js';
import type { Registration } from './registration.js';

/** What one registration, or a producer of it, adds to the registry at the most, in bytes. */
const MAX_ADDED_BYTES = 1024;
/** After so many topics in use in a row the next one goes all the same. */
const MAX_TRIES = 100;

/** Registrations without a producer: those that producers have left, and those that were made without one. */
type IdleKind = 'left' | 'made';

/** What the registry may hold, and who makes room when it is full. */
export class Capacity {
  readonly #db: RegistrationDB;
  readonly #most: Readonly<Record<'size' | 'bytes', number>>;
  readonly #onRemoved: (registration: Registration) => void;

  /** Tells what is removed to make room. */
  constructor(
    db: RegistrationDB,
    most: Readonly<Record<'size' | 'bytes', number>>,
    onRemoved: (registration: Registration) => void,
  ) {
    this.#db = db;
    this.#most = most;
    this.#onRemoved = onRemoved;
  }

  /**
   * Makes a change that adds these registrations, as far as they are new, and so many producers of them, at the most; then what
   * has been idle for longest goes, if need be. False, with nothing changed, past a limit, or past what is left of it but for a
   * `reserved` part, from 0 to 1; registrations that were made without a producer are kept then.
   */
  grow(registrations: readonly Registration[], producers: number, change: () => void, reserved = 0): boolean {
    const kinds: readonly IdleKind[] = reserved === 0 ? ['left', 'made'] : ['left'];
    const most = registrations.length + producers;
    if (most > 0 && !this.fits(most, reserved)) {
      // What makes room is what is idle; not these, which are to stay.
      const used = registrations.filter((registration) => this.#db.countProducers(registration) > 0);
      if (!this.fits(most - used.length, reserved, kinds)) return false;
    }
    change();
    for (const kind of kinds) {
      for (let oldest; !this.fits(0) && (oldest = this.#oldest(kind));) {
        this.#db.removeRegistration(oldest);
        this.#onRemoved(oldest);
      }
    }
    return true;
  }

  /** Whether so many more fit, a `reserved` part left alone, once what is idle of those kinds has gone. @internal */
  fits(added: number, reserved = 0, kinds: readonly ('left' | 'made')[] = []): boolean {
    const { idle, size, bytes } = this.#db;
    let sizeLeft = this.#most.size * (1 - reserved) - size;
    let bytesLeft = this.#most.bytes * (1 - reserved) - bytes;
    for (const kind of kinds) {
      sizeLeft += idle[kind].size;
      bytesLeft += idle[kind].bytes;
    }
    return Math.ceil(sizeLeft) >= added && bytesLeft >= added * MAX_ADDED_BYTES;
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
}
