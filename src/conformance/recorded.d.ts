import type { Scenario } from './scenario.js';

/** Written at build time, out of `test/data/recorded.json`. */
export const RECORDED: readonly Scenario[];
