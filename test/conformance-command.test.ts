import { describe, test } from 'node:test';
import { loadScenarios, playScenario } from 'nsqlookupd/testing';
import { createCommandLookupd } from './support/command-lookupd.js';

const scenarios = await loadScenarios();

describe('recorded from nsqlookupd, against the command over sockets', { concurrency: 4 }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, { timeout: 60_000 }, async () => {
      await using lookupd = await createCommandLookupd(scenario);
      await playScenario(scenario, lookupd);
    });
  }
});
