#!/usr/bin/env node
import { runCommand } from './command.js';

void runCommand(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
  // A reader of the log that reads no more would keep the process for ever.
  if (process.stderr.writableLength > 0) process.exit();
});
