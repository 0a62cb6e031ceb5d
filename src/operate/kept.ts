import type { Clock } from '../base/clock.js';
import { isThenable } from '../base/error-report.js';

/** How long what costs more to make than to ask for is told again, in milliseconds. */
const KEPT_MS = 1000;

/** Makes what is asked for once for all who ask while it is made, and within a second; what fails is not kept. */
export function keptForASecond<T>(clock: Clock, make: () => T | Promise<T>): () => T | Promise<T> {
  let kept: { readonly value: T; readonly atMs: number } | undefined;
  let pending: Promise<T> | undefined;
  const keep = (value: T): T => {
    kept = { value, atMs: clock() };
    return value;
  };
  return () => {
    const ageMs = kept ? clock() - kept.atMs : -1;
    if (kept && ageMs >= 0 && ageMs < KEPT_MS) return kept.value;
    if (pending) return pending;
    const made = make();
    if (!isThenable(made)) return keep(made);
    return (pending = made.then(keep).finally(() => (pending = undefined)));
  };
}
