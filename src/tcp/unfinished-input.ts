import { Ranked } from '../base/ranked.js';

/** One of those whose unfinished input is counted. */
interface Holder {
  readonly heldBytes: number;
}

/** How much is kept of what peers have not sent whole, and who has most of it. */
export class UnfinishedInput<H extends Holder> {
  #bytes = 0;
  /** Who has any, by how much less than nothing it is: the most in front. */
  readonly #holders = new Ranked<H>();

  get bytes(): number {
    return this.#bytes;
  }

  get most(): H | undefined {
    return this.#holders.first;
  }

  /** To be called when what that one has may have changed. */
  weigh(holder: H): void {
    const bytes = holder.heldBytes;
    const known = -(this.#holders.rankOf(holder) ?? 0);
    if (bytes === known) return;
    this.#bytes += bytes - known;
    if (bytes > 0) this.#holders.set(holder, -bytes);
    else this.#holders.delete(holder);
  }
}
