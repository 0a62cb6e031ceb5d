import type { Slices } from './slices.js';

export type Order<T> = (a: T, b: T) => number;

/** So many are sorted, or looked at, before it is asked whether the slice is over. */
const AT_ONCE = 1000;

export function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Where it stands among sorted ones, or where it would. */
export function placeOf<T>(sorted: readonly T[], item: T, order: Order<T>): number {
  let from = 0;
  for (let to = sorted.length; from < to;) {
    const middle = (from + to) >> 1;
    if (order(sorted[middle]!, item) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** `visit` for each, in slices. */
export async function each<T>(items: readonly T[], slices: Slices, visit: (item: T) => void): Promise<void> {
  for (let i = 0; i < items.length; i++) {
    visit(items[i]!);
    if (i % AT_ONCE === 0 && slices.isOver) await slices.next();
  }
}

/** The same, sorted, in slices. */
export async function sort<T>(items: readonly T[], order: Order<T>, slices: Slices): Promise<readonly T[]> {
  let runs: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    runs.push(items.slice(start, start + AT_ONCE).sort(order));
    if (slices.isOver) await slices.next();
  }
  while (runs.length > 1) {
    const longer: (readonly T[])[] = [];
    for (let i = 0; i < runs.length; i += 2) longer.push(await merge(runs[i]!, runs[i + 1] ?? [], order, slices));
    runs = longer;
  }
  return runs[0] ?? [];
}

/** Two sorted lists as one, in slices. */
export async function merge<T>(
  one: readonly T[],
  other: readonly T[],
  order: Order<T>,
  slices: Slices,
): Promise<readonly T[]> {
  if (one.length === 0 || other.length === 0) return one.length === 0 ? other : one;
  const merged: T[] = [];
  let next = 0;
  await each(one, slices, (item) => {
    while (next < other.length && order(other[next]!, item) < 0) merged.push(other[next++]!);
    merged.push(item);
  });
  for (; next < other.length; next++) merged.push(other[next]!);
  return merged;
}
