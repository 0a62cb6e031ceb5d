/** Where a registry outlives its process: a folder, a bucket, a row of a table. */
export interface RegistryStore {
  /** What was last saved whole, in chunks of text, however cut; undefined if nothing was. */
  load(): Promise<AsyncIterable<string> | Iterable<string> | undefined>;
  /** Keeps the text in place of what was saved before. When it rejects, or the process ends meanwhile, the former stays. */
  save(chunks: AsyncIterable<string>): Promise<void>;
  /** Told that what `load` gave is no registry, and why (`cut`, `foreign`, `newer` or `corrupt`): it is not to be loaded again. */
  setAside?(why: UnreadableReason): Promise<void>;
  /** Lets go of what it holds. */
  close?(): Promise<void>;
}

/** Why what was saved cannot be read. */
export type UnreadableReason = 'cut' | 'corrupt' | 'foreign' | 'newer';

const TELLS: Readonly<Record<UnreadableReason, string>> = {
  cut: 'it ends too early',
  corrupt: 'it is not as it was written',
  foreign: 'it is no registry of nsqlookupd',
  newer: 'a newer version wrote it',
};

/**
 * What was saved cannot be read. What a store of your own throws from `load`, to have it set aside.
 *
 * @example
 * ```js
 * import { UnreadableError } from 'nsqlookupd/store';
 *
 * console.log(new UnreadableError('cut').message); // it ends too early
 * ```
 */
export class UnreadableError extends Error {
  /** Tells it from other errors. */
  override readonly name = 'UnreadableError';
  /** Why. */
  readonly why: UnreadableReason;

  /** `detail` is added to the message. */
  constructor(why: UnreadableReason, detail = '') {
    super(`${TELLS[why]}${detail && `: ${detail}`}`);
    this.why = why;
  }
}
