import { describe, test } from 'node:test';
import { loadScenarios, playScenario } from 'nsqlookupd/testing';
import { createSocketLookupd } from './support/socket-lookupd.js';

const scenarios = await loadScenarios();

describe('recorded from nsqlookupd, over fresh sockets in this process', { concurrency: 40 }, () => {
  for (const scenario of scenarios) {
    test(scenario.name, { timeout: 60_000 }, async () => {
      await using lookupd = await createSocketLookupd(scenario);
      await playScenario(scenario, lookupd);
    });
  }
});
