import { describe, test } from 'node:test';
import { loadScenarios, playScenario } from 'nsqlookupd/testing';
import { createMemoryLookupd } from './support/memory-lookupd.js';

const scenarios = await loadScenarios();

describe('recorded from nsqlookupd, through the handlers in memory', () => {
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      await using lookupd = createMemoryLookupd(scenario);
      await playScenario(scenario, lookupd);
    });
  }
});
