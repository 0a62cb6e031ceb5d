import { ANY, type Change, type RegistrationDB } from '../registry/index.js';

/** What a change is about, for who waits: one of these, which no topic's name can be, or a topic by its name. */
export const TOPICS = Symbol('topics');
export const NODES = Symbol('nodes');

/** So much of what is older than who asks is no matter. */
const MIN_PRUNED = 1000;

/** When what somebody may wait for last changed, as far back as is asked for, and now and then a little further. */
export class LastRevisions {
  readonly #db: RegistrationDB;
  readonly #byKey = new Map<string | symbol, number>();
  #prunesAt = MIN_PRUNED;
  /** The revision after which this tells of all that changed. */
  #since = Infinity;
  /** When a peer last left that is in no answer since, while its topics are told of later, one by one. */
  #left = 0;

  constructor(db: RegistrationDB) {
    this.#db = db;
  }

  /** From that revision on it hears of all changes. */
  begin(revision: number): void {
    this.#since = revision;
  }

  /** Whether that has changed after a revision, or it is not known whether it has. */
  isNewSince(key: string | symbol, revision: number): boolean {
    const mayHaveLeft = typeof key === 'string' && revision < this.#left;
    return mayHaveLeft || revision < this.#since || (this.#byKey.get(key) ?? 0) > revision;
  }

  /** Notes each thing that a change is about, and tells it. A peer that has left is about its registrations, which are told one by one. */
  heard(change: Change, tell: (key: string | symbol) => void): void {
    const note = (key: string | symbol) => {
      this.#byKey.set(key, change.revision);
      tell(key);
    };
    if (!('registration' in change)) {
      note(NODES);
      if (change.type === 'peerLeft') this.#left = change.revision;
      else for (const { topic } of this.#db.topicsOf(change.peer)) note(topic);
      return;
    }
    const { category, key } = change.registration;
    if (category !== 'channel') note(NODES);
    if (category === 'client') return;
    note(key);
    note(ANY);
    const isOfTopic = change.type === 'registrationAdded' || change.type === 'registrationRemoved';
    if (category === 'topic' && isOfTopic) note(TOPICS);
  }

  /** Forgets what changed no later than that, when there is about twice as much as at the last time. */
  prune(oldest: number): void {
    if (this.#byKey.size < this.#prunesAt) return;
    for (const [key, revision] of this.#byKey) if (revision <= oldest) this.#byKey.delete(key);
    this.#prunesAt = Math.max(MIN_PRUNED, 2 * this.#byKey.size);
  }
}
