import { ANY, type Category, type Registration } from './registration.js';

/**
 * Finds registrations by category, key and subkey, each question at the cost of its answer: one path from
 * category through key to subkey, and one from category through subkey for `(category, *, subkey)`.
 * An inner map that falls empty is dropped.
 */
export class RegistrationIndex<R extends Registration> {
  readonly #byKey = new Map<Category, Map<string, Map<string, R>>>();
  readonly #bySubkey = new Map<Category, Map<string, Set<R>>>();

  get(category: Category, key: string, subkey: string): R | undefined {
    return this.#byKey.get(category)?.get(key)?.get(subkey);
  }

  /** How many there are of a category with that key. */
  count(category: Category, key: string): number {
    return this.#byKey.get(category)?.get(key)?.size ?? 0;
  }

  add(registration: R): void {
    const { category, key, subkey } = registration;
    const keys = inner(this.#byKey, category, () => new Map<string, Map<string, R>>());
    inner(keys, key, () => new Map<string, R>()).set(subkey, registration);
    const sameSubkeys = inner(this.#bySubkey, category, () => new Map<string, Set<R>>());
    inner(sameSubkeys, subkey, () => new Set<R>()).add(registration);
  }

  delete(registration: R): void {
    const { category, key, subkey } = registration;
    const keys = this.#byKey.get(category);
    const subkeys = keys?.get(key);
    const sameSubkeys = this.#bySubkey.get(category);
    const sameSubkey = sameSubkeys?.get(subkey);
    // One that would fall empty is dropped as it is: to empty a set makes a new one.
    if (subkeys?.size !== 1) subkeys?.delete(subkey);
    else if (keys?.size !== 1) keys?.delete(key);
    else this.#byKey.delete(category);

    if (sameSubkey?.size !== 1) sameSubkey?.delete(registration);
    else if (sameSubkeys?.size !== 1) sameSubkeys?.delete(subkey);
    else this.#bySubkey.delete(category);
  }

  /** The matching registrations, live: one pass. */
  *find(category: Category, key: string, subkey: string): Generator<R, void, undefined> {
    if (key !== ANY && subkey !== ANY) {
      const registration = this.get(category, key, subkey);
      if (registration) yield registration;
    } else if (key !== ANY) {
      yield* this.#byKey.get(category)?.get(key)?.values() ?? [];
    } else if (subkey !== ANY) {
      yield* this.#bySubkey.get(category)?.get(subkey) ?? [];
    } else {
      for (const subkeys of this.#byKey.get(category)?.values() ?? []) yield* subkeys.values();
    }
  }

  *[Symbol.iterator](): Generator<R, void, undefined> {
    for (const category of this.#byKey.keys()) yield* this.find(category, ANY, ANY);
  }

  /** How many categories each path holds: `[0, 0]` when there is nothing left. */
  get categories(): readonly [byKey: number, bySubkey: number] {
    return [this.#byKey.size, this.#bySubkey.size];
  }
}

function inner<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = create()));
  return value;
}
