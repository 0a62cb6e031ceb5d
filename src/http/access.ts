import { askInTurn } from '../base/in-turn.js';
import { toNetworkTest } from '../base/networks.js';
import { aFunction, anArray, checkOptions, type Checks } from '../base/options.js';
import type { Authorize, Refusal } from './route-row.js';

/** Networks, from which who is to read or write. */
export interface AllowFromOptions {
  /** Addresses and networks that may read, such as `10.0.0.0/8` or `fd00::/8`. Default: all. */
  readonly read?: readonly string[] | undefined;
  /** Addresses and networks that may write. Default: all. */
  readonly write?: readonly string[] | undefined;
}

const ALLOW_FROM_CHECKS: Checks<AllowFromOptions> = { read: anArray, write: anArray };

/**
 * An `Authorize` that lets somebody do what each of those lets them do. The first that refuses is the answer. Throws a TypeError
 * for what is no function.
 *
 * @example
 * ```js
 * import { allOf, allowFrom, allowTokens, createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const authorize = allOf(allowFrom({ write: ['10.0.0.0/8'] }), allowTokens({ 'a-long-random-text': 'write' }));
 * const handler = createHttpHandler({ topology, authorize });
 * const headers = { authorization: 'Bearer a-long-random-text' };
 * const request = { method: 'POST', path: '/topic/create', query: 'topic=t', headers };
 * console.log((await handler({ ...request, caller: { address: '10.0.0.1:5000' } }))?.status); // 200
 * console.log((await handler({ ...request, caller: { address: '192.0.2.1:5000' } }))?.status); // 403
 * ```
 */
export function allOf(...checks: readonly Authorize[]): Authorize {
  return inTurn(checks, true, (verdict) => verdict === true);
}

/**
 * An `Authorize` that lets somebody do what one of those lets them do. Where none does, the last one's refusal is the answer.
 * Throws a TypeError for what is no function, or for none at all.
 *
 * @example
 * ```js
 * import { allowFrom, allowTokens, anyOf, createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const authorize = anyOf(allowFrom({ read: ['10.0.0.0/8'] }), allowTokens({ 'a-long-random-text': 'read' }));
 * const handler = createHttpHandler({ topology, authorize });
 * const request = { method: 'GET', path: '/topics', query: '', headers: {} };
 * console.log((await handler({ ...request, caller: { address: '10.0.0.1:5000' } }))?.status); // 200
 * const headers = { authorization: 'Bearer a-long-random-text' };
 * console.log((await handler({ ...request, headers }))?.status); // 200
 * ```
 */
export function anyOf(...checks: readonly Authorize[]): Authorize {
  if (checks.length === 0) throw new TypeError('anyOf needs at least one function');
  return inTurn(checks, { status: 403 }, (verdict) => verdict !== true);
}

function inTurn(
  checks: readonly Authorize[],
  known: true | Refusal,
  goesOn: (verdict: true | Refusal) => boolean,
): Authorize {
  for (const check of checks) aFunction('what is combined', check);
  return (caller, action, request) => askInTurn(checks, known, goesOn, (check) => check(caller, action, request));
}

/**
 * An `Authorize` that asks another, but about the actions of those names, which anybody may do. Throws a TypeError for what is no
 * array or no function.
 *
 * @example
 * ```js
 * import { allowTokens, createHttpHandler, except, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const authorize = except(['ping'], allowTokens({ 'a-long-random-text': 'read' }));
 * const handler = createHttpHandler({ topology, authorize });
 * console.log((await handler({ method: 'GET', path: '/ping', query: '', headers: {} }))?.status); // 200
 * ```
 */
export function except(names: readonly string[], authorize: Authorize): Authorize {
  anArray('names', names);
  aFunction('authorize', authorize);
  const open = new Set(names);
  return (caller, action, request) => (open.has(action.name) ? true : authorize(caller, action, request));
}

/**
 * An `Authorize` that lets nobody write: 403 `READ_ONLY`.
 *
 * @example
 * ```js
 * import { createHttpHandler, readOnly, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = createHttpHandler({ topology, authorize: readOnly });
 * const request = { method: 'POST', path: '/topic/create', query: 'topic=t', headers: {} };
 * console.log((await handler(request))?.body); // {"message":"READ_ONLY"}
 * ```
 */
export const readOnly: Authorize = (_caller, { kind }) =>
  kind === 'read' ? true : { status: 403, message: 'READ_ONLY' };

/**
 * An `Authorize` that goes by the caller's address: 403 for one that is in none of the networks, or that is not known. IPv4
 * addresses that IPv6 carries (`::ffff:10.0.0.1`) are IPv4. Behind a proxy, `trustProxies` says who calls. Throws a TypeError
 * for what is no network.
 *
 * @example
 * ```js
 * import { allowFrom, createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = createHttpHandler({ topology, authorize: allowFrom({ write: ['127.0.0.1', '::1'] }) });
 * const request = { method: 'POST', path: '/topic/create', query: 'topic=t', headers: {} };
 * console.log((await handler({ ...request, caller: { address: '[::ffff:127.0.0.1]:5000' } }))?.status); // 200
 * console.log((await handler({ ...request, caller: { address: '192.0.2.1:5000' } }))?.status); // 403
 * ```
 */
export function allowFrom(options: AllowFromOptions): Authorize {
  const { read, write } = checkOptions('allowFrom', options, ALLOW_FROM_CHECKS);
  const tests = {
    read: read && toNetworkTest('read', read),
    write: write && toNetworkTest('write', write),
  };
  return ({ address }, { kind }) => {
    const isAllowed = tests[kind]?.(address) ?? true;
    return isAllowed ? true : { status: 403 };
  };
}
