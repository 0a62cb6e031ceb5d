import type { Sample } from './metric.js';

/** What was counted so far. */
export interface Cell {
  count: number;
}

/** How often what has happened, by two words: plain numbers, for where it is hot. */
export class Counts {
  readonly #cells = new Map<string, Map<string, Cell>>();

  /** Once more. */
  add(first: string, second = ''): void {
    this.cell(first, second).count++;
  }

  /** Makes it known before it happens, so that the first time is seen as a change. */
  expect(firsts: readonly string[], second = ''): this {
    for (const first of firsts) this.cell(first, second);
    return this;
  }

  *samples(firstLabel: string, secondLabel?: string): Generator<Sample, void, undefined> {
    for (const [first, cells] of this.#cells) {
      for (const [second, { count }] of cells) {
        const labels =
          secondLabel === undefined ? { [firstLabel]: first } : { [firstLabel]: first, [secondLabel]: second };
        yield { labels, value: count };
      }
    }
  }

  /** Where it is counted, for who counts the same again and again. */
  cell(first: string, second = ''): Cell {
    let cells = this.#cells.get(first);
    if (!cells) this.#cells.set(first, (cells = new Map<string, Cell>()));
    let cell = cells.get(second);
    if (!cell) cells.set(second, (cell = { count: 0 }));
    return cell;
  }
}
