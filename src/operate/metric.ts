import { required, text, withMethods, checkOptions, oneOf, type Check, type Checks } from '../base/options.js';

/** One value of a metric. */
export interface Sample {
  /** Few, and none that a peer or client can make up. */
  readonly labels: Readonly<Record<string, string>>;
  /** In base units: seconds, bytes, ratios. */
  readonly value: number;
  /** Of a histogram: which of its series. */
  readonly suffix?: '_bucket' | '_sum' | '_count' | undefined;
}

/** Something that is counted or measured. It is asked when somebody wants to know, and costs nothing before. */
export interface Metric {
  /** As Prometheus wants it: `nsqlookupd_commands_total`. */
  readonly name: string;
  /** What it is, in a line. */
  readonly help: string;
  /** A counter's name ends in `_total`. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What it is now. */
  readonly samples: () => Iterable<Sample> | PromiseLike<Iterable<Sample>>;
}

const CHECKS: Checks<Metric> = {
  name: required(text),
  help: required(text),
  type: required(oneOf(['counter', 'gauge', 'histogram'])),
  samples: required(withMethods('a function', 'call')),
};

/** Checks a list of metrics. */
export const metricsCheck: Check = (name, value) => {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array of metrics`);
  for (const metric of value as Metric[]) checkOptions(`a metric of ${name}`, metric, CHECKS);
};

/** A metric of one number. */
export function gauge(name: string, help: string, value: () => number): Metric {
  return { name, help, type: 'gauge', samples: () => [{ labels: {}, value: value() }] };
}

/** The same, of a number that only grows. */
export function counter(name: string, help: string, value: () => number): Metric {
  return { ...gauge(name, help, value), type: 'counter' };
}
