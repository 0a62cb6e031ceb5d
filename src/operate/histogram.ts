import type { Sample } from './metric.js';

/** Up to how many seconds: from 50 µs, which most answers take less than, to ten seconds. */
const BOUNDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10];

/** How long things took, in plain numbers. */
export class Histogram {
  readonly #counts = new Array<number>(BOUNDS.length + 1).fill(0);
  #sum = 0;
  #isEmpty = true;

  observe(seconds: number): void {
    this.#isEmpty = false;
    let i = 0;
    while (i < BOUNDS.length && seconds > BOUNDS[i]!) i++;
    this.#counts[i]!++;
    this.#sum += seconds;
  }

  /** None before anything was observed. */
  *samples(labels: Sample['labels']): Generator<Sample, void, undefined> {
    if (this.#isEmpty) return;
    let count = 0;
    for (const [i, inBucket] of this.#counts.entries()) {
      count += inBucket;
      yield {
        labels: { le: i < BOUNDS.length ? String(BOUNDS[i]) : '+Inf', ...labels },
        value: count,
        suffix: '_bucket',
      };
    }
    yield { labels, value: this.#sum, suffix: '_sum' };
    yield { labels, value: count, suffix: '_count' };
  }
}
