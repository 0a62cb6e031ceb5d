import { isThenable } from './error-report.js';

/**
 * Asks one after another, each with what is known, while `goesOn` says so of that: answers what is known then. At once for as long as
 * all do.
 */
export function askInTurn<A, V>(
  those: readonly A[],
  known: V,
  goesOn: (known: V) => boolean,
  ask: (one: A, known: V) => V | PromiseLike<V>,
): V | PromiseLike<V> {
  let last = known;
  for (const [i, one] of those.entries()) {
    if (!goesOn(last)) break;
    const answer = ask(one, last);
    if (!isThenable(answer)) last = answer;
    else return Promise.resolve(answer).then((later) => askInTurn(those.slice(i + 1), later, goesOn, ask));
  }
  return last;
}
