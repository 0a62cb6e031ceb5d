const isCi = process.env['CI'] === 'true';

/** Why a test is left to CI, which runs all there is; false there. For what takes seconds, and another test mostly finds as well. */
export const LEFT_TO_CI: string | false = isCi ? false : 'set CI=true to run it, as CI does';

/** How often a property is tried, or a fault made: a fifth of that on a desk, each time with other values, and all of it in CI. */
export function runs(all: number): number {
  return isCi ? all : Math.ceil(all / 5);
}
