/**
 * Runs the command `nsqlookupd` in this process until SIGINT, SIGTERM or a failure, and answers its exit code:
 * 0 after a clean end, 1 when it could not start or go on, 2 for a bad flag. With `check` or `health` first it does that instead,
 * and is over sooner. `args` are the flags, without the program's
 * name. Errors go to standard error; it never rejects. It listens to signals while it runs, and ends no process itself.
 *
 * @example
 * ```js
 * import { runCommand } from 'nsqlookupd/daemon';
 *
 * process.exitCode = await runCommand(['-version']);
 * ```
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  // Who makes a lookupd of their own has no use for flags and settings.
  const command = await import('./command.js');
  return command.runCommand(args);
}
