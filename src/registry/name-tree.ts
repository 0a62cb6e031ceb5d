/** How many names a part holds before it is cut into smaller ones. */
const MAX_NAMES = 2048;
const BITS = 4;

/** Some of the names of a `NameTree`, with what stands under each. */
export class NamePart<V> {
  /** When one of them last came or went, for whom that matters. */
  revision: number;
  values = new Map<string, V>();
  parts: readonly NamePart<V>[] | undefined = undefined;

  constructor(revision: number) {
    this.revision = revision;
  }
}

/**
 * A map by name that never stops to grow as a whole, as a Map does: one of a million names then holds everybody up for tens of
 * milliseconds. Up to 2,048 names it is one Map, in the order in which they came; what is fuller is cut into sixteen parts, by
 * a hash that nobody outside can foresee.
 */
export class NameTree<V> {
  readonly #root = new NamePart<V>(0);
  #factor = 0;
  size = 0;

  get(name: string): V | undefined {
    return this.partOf(name).values.get(name);
  }

  /** The part that the name is in, or would be. */
  partOf(name: string): NamePart<V> {
    let part = this.#root;
    if (!part.parts) return part;
    for (let hash = this.#hash(name); part.parts; hash <<= BITS) part = part.parts[hash >>> (32 - BITS)]!;
    return part;
  }

  set(name: string, value: V): void {
    const part = this.partOf(name);
    const { values } = part;
    const before = values.size;
    values.set(name, value);
    this.size += values.size - before;
    if (values.size > MAX_NAMES) this.#cut(part);
  }

  delete(name: string): void {
    if (this.partOf(name).values.delete(name) && --this.size === 0) this.#root.parts = undefined;
  }

  /** All parts that hold names. */
  *parts(part = this.#root): Generator<NamePart<V>, void, undefined> {
    if (part.parts) for (const smaller of part.parts) yield* this.parts(smaller);
    else if (part.values.size > 0) yield part;
  }

  /** All that is there, live: what goes after its part was cut is still given. */
  *values(): Generator<V, void, undefined> {
    for (const part of this.parts()) yield* part.values.values();
  }

  #cut(part: NamePart<V>): void {
    this.#factor ||= (Math.random() * 2 ** 29) | 0x20000001; // odd, and large
    const { revision, values } = part;
    part.parts = Array.from({ length: 1 << BITS }, () => new NamePart<V>(revision));
    part.values = new Map(); // not emptied: somebody may be reading it
    for (const [name, value] of values) this.partOf(name).values.set(name, value);
  }

  /** Its upper bits, which are the better ones, are used first. */
  #hash(name: string): number {
    const factor = this.#factor;
    let hash = factor;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), factor);
    // Without this, names that are numbered fill all parts alike, which would then be cut at one time.
    return Math.imul(hash ^ (hash >>> 15), factor);
  }
}
