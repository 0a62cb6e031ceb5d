import { number, text, withMethods, type Checks } from '../base/options.js';
import type { RegistryStore, WarmRestart, WarmRestartOptions, WarmRestartStatus } from '../store/index.js';

/** Where the registry of a lookupd outlives its process, if it is to. */
export interface KeepingOptions {
  /**
   * The folder where the registry is kept across restarts: what it holds is saved there as it changes, and read before anything
   * listens. Default: nothing is saved.
   */
  readonly dataPath?: string | undefined;
  /** Where else to keep the registry, instead of a folder. Default: what `dataPath` says. */
  readonly store?: RegistryStore | undefined;
  /**
   * How long producers from before a restart stay in the answers if they do not come back: milliseconds from 0 on. Default
   * 45,000.
   */
  readonly restoreGraceMs?: number | undefined;
}

export const KEEPING_CHECKS: Checks<KeepingOptions> = {
  dataPath: text,
  store: withMethods('a RegistryStore', 'load', 'save'),
  restoreGraceMs: number(0),
};

/** What was saved is read before anything listens, and the registry saved for the last time before the peers go. */
export class Keeping {
  readonly #options: KeepingOptions & Omit<WarmRestartOptions, 'store'>;
  #keeper: WarmRestart | undefined;

  constructor(options: KeepingOptions & Omit<WarmRestartOptions, 'store'>) {
    this.#options = options;
  }

  get status(): WarmRestartStatus | undefined {
    return this.#keeper?.status;
  }

  /** Rejects when the signal is aborted. */
  async begin(signal: AbortSignal, graceMs: number): Promise<void> {
    const { dataPath, store: given, ...rest } = this.#options;
    if (this.#keeper || (given === undefined && dataPath === undefined)) return;
    const { createFileStore, createWarmRestart } = await import('../store/index.js');
    const store = given ?? (await createFileStore(dataPath!));
    const keeper = createWarmRestart({ ...rest, store });
    try {
      await keeper.restore(signal);
    } catch (error) {
      await keeper.close(graceMs);
      throw error;
    }
    this.#keeper = keeper;
  }

  async end(graceMs: number): Promise<void> {
    await this.#keeper?.close(graceMs);
  }
}
