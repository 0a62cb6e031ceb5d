import { spawnSync } from 'node:child_process';

/** Why a test that needs the program is skipped; false where it is there. It says so on the console, too. */
export function skipWithout(program: string): string | false {
  if (spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined) return false;
  const reason = `SKIPPED: ${program} is not installed (Debian: apt-get install prometheus)`;
  console.error(reason);
  return reason;
}
