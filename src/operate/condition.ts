import { callGuarded, type OnError } from '../base/error-report.js';
import { anArray, type Check } from '../base/options.js';

/** Says in a few words why it is not ready, or nothing if nothing is in the way: `() => isRestoring ? 'restoring' : undefined`. */
export type Condition = () => string | undefined;

export const conditionsCheck: Check = (name, value) => {
  anArray(name, value);
  for (const condition of value as unknown[]) {
    if (typeof condition !== 'function') throw new TypeError(`${name} must be functions, each of which says why not`);
  }
};

/** What is in the way, asked now; a condition that throws is. */
export function reasonsOf(conditions: readonly Condition[], onError: OnError): string[] {
  return conditions.flatMap((condition) => {
    let reason: string | undefined = 'a condition threw';
    callGuarded(onError, 'a condition threw', () => (reason = condition()));
    return reason === undefined ? [] : [reason];
  });
}
