import { describe, test } from 'node:test';
import { createCommandLookupd } from './support/command-lookupd.js';
import { createMemoryLookupd } from './support/memory-lookupd.js';
import { loadScenarios, play } from './support/scenario.js';

const scenarios = loadScenarios();

describe('recorded from nsqlookupd 1.3.0, through the handlers in memory', () => {
  for (const scenario of scenarios) {
    test(scenario.name, async () => {
      await using lookupd = createMemoryLookupd(scenario);
      await play(scenario, lookupd);
    });
  }
});

describe('recorded from nsqlookupd 1.3.0, against the command over sockets', { concurrency: 4 }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, { timeout: 60_000 }, async () => {
      await using lookupd = await createCommandLookupd(scenario);
      await play(scenario, lookupd);
    });
  }
});
