import { createSteadyClock, type Clock } from './clock.js';
import { aFunction, checkOptions, number, type Checks } from './options.js';
import { callGuarded, printError, report, type OnError } from './error-report.js';

/** Long work, cut into steps: each `next` does one short piece of it, and gives how many steps that was, if not one. */
export type Steps<T = void> = Generator<unknown, T, undefined>;

/** Calls back in a later turn of the event loop, when what has come meanwhile was served. */
export type NextTurn = (callback: () => void) => void;

/** What is done in one turn of the event loop until others have theirs: about 2 milliseconds of work. */
export const DEFAULT_STEPS_PER_TURN = 2000;
const CHECKS: Checks<WorkQueueOptions> = {
  stepsPerTurn: number(1),
  msPerTurn: number(0),
  clock: aFunction,
  nextTurn: aFunction,
  onError: aFunction,
};

interface Job {
  readonly steps: Steps<unknown>;
  readonly done: (result: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/** How many steps of one job are done before the clock is looked at, and the next one has its share. */
const SHARE = 25;

/** A job that is over with its first piece is short, as the answer to a PING: to put it off would cost more than to do it. */
const SHORT_JOB_STEPS = 1 / 4;

/** Jobs in order. To shift a long array costs as much as it is long: those before `#next` are taken. */
class Line {
  #jobs: Job[] = [];
  #next = 0;

  get size(): number {
    return this.#jobs.length - this.#next;
  }

  add(job: Job): void {
    this.#jobs.push(job);
  }

  take(): Job | undefined {
    const job = this.#jobs[this.#next++];
    if (this.#next < this.#jobs.length / 2) return job;
    this.#jobs = this.#jobs.slice(this.#next);
    this.#next = 0;
    return job;
  }
}

/** The runtime's own: after I/O where there is such a thing, else as soon as a timer can be. */
const runtimeTurn: NextTurn = (callback) => {
  const { setImmediate = globalThis.setTimeout } = globalThis as { readonly setImmediate?: NextTurn };
  setImmediate(callback);
};

/** What a `WorkQueue` is made of, all of which may be left out. */
export interface WorkQueueOptions {
  /** How many steps are done in one turn of the event loop, from 1 on. Default 2,000. `Infinity`: all at once. */
  readonly stepsPerTurn?: number | undefined;
  /**
   * How many milliseconds are worked in one turn, from 0 on; the clock is looked at every 25 steps. The same steps take many
   * times as long while the engine collects garbage. Default: `Infinity`, so that a turn does the same however fast it is.
   */
  readonly msPerTurn?: number | undefined;
  /** What that time is measured with, in milliseconds. Default: a steady one, if `msPerTurn` needs it. */
  readonly clock?: Clock | undefined;
  /** Default: `setImmediate`, or a timer of 0 ms where there is none. */
  readonly nextTurn?: NextTurn | undefined;
  /** Gets what a job threw that nobody waits for. Default: a line to the console. */
  readonly onError?: OnError | undefined;
}

/**
 * Shares each turn of the event loop among all that have long work to do, so that no peer and no client, however much it
 * asks for, keeps the others waiting. A turn has a number of steps; who wants more goes on in the next, each in turn.
 *
 * @example
 * ```js
 * import { RegistrationDB, Topology, WorkQueue } from 'nsqlookupd';
 *
 * const work = new WorkQueue({ stepsPerTurn: 500 });
 * const topology = new Topology({ db: new RegistrationDB(), work });
 * topology.createChannel('orders', 'billing');
 * await work.result(topology.deletingTopic('orders'));
 * console.log(topology.channels('orders')); // []
 * ```
 */
export class WorkQueue {
  /** Those that nothing was done for yet: most are short, and are not to wait for all that are long. */
  readonly #fresh = new Line();
  readonly #begun = new Line();
  /** Taken from by turns, as neither may keep the other waiting. */
  readonly #lines: Line[] = [this.#begun, this.#fresh];
  readonly #nextTurn: NextTurn;
  readonly #stepsPerTurn: number;
  readonly #msPerTurn: number;
  readonly #clock: Clock;
  readonly #onError: OnError;
  /** Of this turn. */
  #left: number;
  #workedMs = 0;
  #isWaiting = false;

  /** Throws a TypeError that names the option when one is unknown or of the wrong kind. */
  constructor(options?: WorkQueueOptions) {
    const {
      stepsPerTurn = DEFAULT_STEPS_PER_TURN,
      onError = printError,
      msPerTurn = Infinity,
      clock = msPerTurn < Infinity ? createSteadyClock() : () => 0, // as Node takes a millisecond to load one
      nextTurn = runtimeTurn,
    } = checkOptions('WorkQueue', options, CHECKS);
    this.#msPerTurn = msPerTurn;
    this.#clock = clock;
    this.#stepsPerTurn = stepsPerTurn;
    this.#nextTurn = nextTurn;
    this.#onError = onError;
    this.#left = stepsPerTurn;
  }

  /** How many jobs are not finished. */
  get size(): number {
    return this.#fresh.size + this.#begun.size;
  }

  /** Whether this turn has steps left, and nobody is before. */
  get isFree(): boolean {
    return this.#left > 0 && this.size === 0;
  }

  /** Takes steps off this turn, for work that was done without `run`. */
  spend(steps: number): void {
    this.#left -= steps;
    this.#wake();
  }

  /**
   * Does the steps: at once as far as this turn goes, the rest in later ones. Calls `done` with what they return, before
   * this returns if all was done at once; `failed` with what they throw, or `onError` if it is left out. What `isLong`
   * from the start lets those pass that may be short.
   */
  run<T>(
    steps: Steps<T>,
    done: (result: T) => void = () => undefined,
    failed?: (error: unknown) => void,
    isLong = this.isFree,
  ): void {
    const job: Job = {
      steps,
      done: done as (result: unknown) => void,
      failed: failed ?? ((error) => report(this.#onError, error, 'work that was cut into steps threw')),
    };
    while (this.isFree) if (this.#work(job)) return;
    (isLong ? this.#begun : this.#fresh).add(job);
    this.#wake();
  }

  /** The same, and gives what the steps return: at once if this turn goes so far, or else promised. What they throw rejects. */
  result<T>(steps: Steps<T>): T | Promise<T> {
    let known: { readonly value: T } | undefined;
    const promise = new Promise<T>((resolve, reject) => {
      const done = (value: T) => {
        known = { value };
        resolve(value);
      };
      this.run(steps, done, reject);
    });
    return known ? known.value : promise;
  }

  /** Resolves in this turn while it has steps left, which this takes, or else in a later one, after those that wait. */
  turn(steps = 1): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.spend(steps); // all at once: of those that pay a little at a time, all would go on in the same turn
        resolve();
      };
      this.run(nothing(), done, undefined, true);
    });
  }

  /** Whether the job is over, after its share of what is left of this turn. */
  #work(job: Job): boolean {
    const most = Math.min(SHARE, this.#left);
    let count = 0;
    let next: IteratorResult<unknown, unknown>;
    try {
      const start = this.#clock();
      do {
        next = job.steps.next();
        if (next.done === true) count += count === 0 ? SHORT_JOB_STEPS : 1;
        else count += typeof next.value === 'number' ? next.value : 1;
      } while (count < most && next.done !== true);
      this.#workedMs += this.#clock() - start;
    } catch (error) {
      this.spend(count);
      this.#tell(() => job.failed(error));
      return true;
    }
    this.spend(this.#workedMs < this.#msPerTurn ? count : Math.max(count, this.#left));
    if (next.done === true) this.#tell(() => job.done(next.value));
    return next.done === true;
  }

  #take(): Job | undefined {
    const [first, second] = this.#lines.reverse();
    return first!.take() ?? second!.take();
  }

  #tell(call: () => void): void {
    callGuarded(this.#onError, 'who waited for work threw', call);
  }

  #wake(): void {
    if (this.#isWaiting) return;
    const turn = () => {
      this.#isWaiting = false;
      this.#left = this.#stepsPerTurn;
      this.#workedMs = 0;
      while (this.#left > 0) {
        const job = this.#take();
        if (!job) return;
        if (!this.#work(job)) this.#begun.add(job);
      }
      this.#wake();
    };
    this.#isWaiting = true;
    try {
      this.#nextTurn(turn);
    } catch (error) {
      this.#isWaiting = false; // another try comes with the next work
      report(this.#onError, error, 'nextTurn threw');
    }
  }
}

function* nothing(): Steps {}

/** Does all of the steps at once, and answers what they return. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const next = steps.next();
    if (next.done === true) return next.value;
  }
}
