#!/usr/bin/env node
import { runCommand } from './command.js';

void runCommand(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
  // Neither a log that nobody reads any more, nor a registry that is cleared of its peers, is to keep the process.
  if (process.stdout.writableLength === 0) process.exit();
});
