import { describe, test } from 'node:test';
import { createCommandLookupd } from './support/command-lookupd.js';
import { loadScenarios, play } from './support/scenario.js';

describe('recorded from nsqlookupd 1.3.0, against the command over sockets', { concurrency: 4 }, () => {
  for (const scenario of loadScenarios()) {
    test(scenario.name, { timeout: 60_000 }, async () => {
      await using lookupd = await createCommandLookupd(scenario);
      await play(scenario, lookupd);
    });
  }
});
