import { describe, test } from 'node:test';
import { createMemoryLookupd } from './support/memory-lookupd.js';
import { loadScenarios, play } from './support/scenario.js';

describe('recorded from nsqlookupd 1.3.0, through the handlers in memory', () => {
  for (const scenario of loadScenarios()) {
    test(scenario.name, async () => {
      await using lookupd = createMemoryLookupd(scenario);
      await play(scenario, lookupd);
    });
  }
});
