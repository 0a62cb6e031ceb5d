import type { Metric } from './metric.js';

/** A limit of the whole, and how much of it is used. */
export interface UsedLimit {
  /** The option that sets it, such as `maxConnections`. */
  readonly name: string;
  /** How much there may be. */
  readonly most: number;
  /** How much there is. */
  readonly used: () => number;
}

/** What part of a limit is used; of none that could be reached, 0. */
export function usedPart({ most, used }: UsedLimit): number {
  if (most === Infinity) return 0;
  return most > 0 ? used() / most : 1;
}

/** Limits, and how near they are. */
export function limitMetrics(limits: readonly UsedLimit[]): readonly Metric[] {
  const each = (value: (limit: UsedLimit) => number) => () =>
    limits.map((limit) => ({ labels: { limit: limit.name }, value: value(limit) }));
  return [
    {
      name: 'nsqlookupd_limit',
      help: 'How much there may be, by the option that says so.',
      type: 'gauge',
      samples: each(({ most }) => most),
    },
    {
      name: 'nsqlookupd_limit_used_ratio',
      help: 'What part of it there is: at 1 the limit is met.',
      type: 'gauge',
      samples: each(usedPart),
    },
  ];
}
