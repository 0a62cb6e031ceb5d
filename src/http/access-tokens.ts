import type { Caller } from './http-message.js';
import type { Action, Authorize, Refusal } from './route-row.js';

/** What somebody may do; who may write may read as well. */
export type Access = 'read' | 'write';

/** Who may do what: by token, or by name. */
export type AccessTable = Readonly<Record<string, Access>>;

/** The longest token: 256 characters. */
const MAX_TOKEN_LENGTH = 256;
/** Every request is compared with every token. */
const MAX_TOKENS = 1000;

const UNKNOWN: Refusal = { status: 401, challenge: 'Bearer realm="nsqlookupd"' };
const WRONG: Refusal = { status: 401, challenge: 'Bearer realm="nsqlookupd", error="invalid_token"' };
const TOO_LITTLE: Refusal = { status: 403 };

/**
 * An `Authorize` that wants `Authorization: Bearer TOKEN`: 401 without a token that is known, 403 for a write with one that may
 * only read. A token is compared with each of those that there are, in the same time whichever it is, or none. A function is asked
 * before each request, and gives another table when it has changed. Throws a TypeError for a token that is not 1 to 256 visible
 * characters of ASCII, for over 1,000 of them, and for what is neither `read` nor `write`.
 *
 * @example
 * ```js
 * import { allowTokens, createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const authorize = allowTokens({ 'a-long-random-text': 'write', 'another-long-random-text': 'read' });
 * const handler = createHttpHandler({ topology, authorize });
 * const request = { method: 'GET', path: '/topics', query: '', headers: {} };
 * console.log((await handler(request))?.status); // 401
 * const headers = { authorization: 'Bearer another-long-random-text' };
 * console.log((await handler({ ...request, headers }))?.status); // 200
 * ```
 */
export function allowTokens(tokens: AccessTable | (() => AccessTable)): Authorize {
  const current = toCurrent(tokens, packTokens);
  return (_caller, action, { headers: { authorization } }) => {
    const known = current();
    if (typeof authorization !== 'string') return UNKNOWN;
    const [, given] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    if (given === undefined) return UNKNOWN;
    const token = toWords(given);
    if (!token) return WRONG;
    let access: Access | undefined;
    for (const [each, itsAccess] of known) if (isSame(each, token)) access = itsAccess;
    return access === undefined ? WRONG : judge(access, action);
  };
}

/**
 * An `Authorize` that goes by the name in the client's certificate (`toCallerName`): 403 for a name that is not in the table, or
 * that may not do so much. A function is asked before each request, and gives another table when it has changed. Throws a TypeError
 * for what is neither `read` nor `write`.
 *
 * @example
 * ```js
 * import { allowNames, createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 *
 * const topology = new Topology({ db: new RegistrationDB(), clock: Date.now });
 * const handler = createHttpHandler({ topology, authorize: allowNames({ admin: 'write', consumer: 'read' }) });
 * const request = { method: 'GET', path: '/topics', query: '', headers: {} };
 * const certificate = { subject: { CN: 'consumer' }, fingerprint256: '' };
 * console.log((await handler({ ...request, caller: { certificate } }))?.status); // 200
 * console.log((await handler(request))?.status); // 403
 * ```
 */
export function allowNames(names: AccessTable | (() => AccessTable)): Authorize {
  const current = toCurrent(names, (table) => new Map(toEntries(table)));
  return (caller, action) => {
    const known = current();
    const name = known.size === 0 ? undefined : toCallerName(caller);
    const access = name === undefined ? undefined : known.get(name);
    return access === undefined ? TOO_LITTLE : judge(access, action);
  };
}

/**
 * What a caller is called: the common name of the certificate that the client has shown and the server has verified; undefined
 * without one.
 *
 * @example
 * ```js
 * import { toCallerName } from 'nsqlookupd';
 *
 * console.log(toCallerName({ certificate: { subject: { CN: 'admin' }, fingerprint256: '' } })); // admin
 * ```
 */
export function toCallerName({ certificate }: Caller): string | undefined {
  const name = certificate?.subject?.['CN'];
  // One with several is called by none of them.
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function judge(access: Access, { kind }: Action): true | Refusal {
  return kind === 'read' || access === 'write' ? true : TOO_LITTLE;
}

/** What is made of the table, once for each. */
function toCurrent<T>(given: AccessTable | (() => AccessTable), make: (table: AccessTable) => T): () => T {
  let table: AccessTable = typeof given === 'function' ? {} : given;
  let made = make(table);
  if (typeof given !== 'function') return () => made;
  return () => {
    const now = given();
    if (now !== table) {
      made = make(now);
      table = now;
    }
    return made;
  };
}

function toEntries(table: AccessTable): [string, Access][] {
  if (typeof table !== 'object' || table === null) throw new TypeError('who may read or write must be an object');
  const entries = Object.entries(table);
  for (const [, access] of entries) {
    if (access !== 'read' && access !== 'write') throw new TypeError('what one may do must be read or write');
  }
  return entries;
}

function packTokens(table: AccessTable): readonly (readonly [Int32Array, Access])[] {
  const entries = toEntries(table);
  if (entries.length > MAX_TOKENS) throw new TypeError(`there must be at most ${MAX_TOKENS} tokens`);
  return entries.map(([token, access]) => {
    const words = toWords(token);
    // It is not shown.
    if (!words) throw new TypeError(`a token must be 1 to ${MAX_TOKEN_LENGTH} visible characters of ASCII`);
    return [words, access];
  });
}

/** The characters of a token, in as many words as the longest has; undefined for what is none. */
function toWords(token: string): Int32Array | undefined {
  if (token.length > MAX_TOKEN_LENGTH || !/^[!-~]+$/.test(token)) return undefined;
  const bytes = new Uint8Array(MAX_TOKEN_LENGTH);
  for (let i = 0; i < token.length; i++) bytes[i] = token.charCodeAt(i);
  return new Int32Array(bytes.buffer);
}

/** In the same time, whatever they are. */
function isSame(known: Int32Array, given: Int32Array): boolean {
  let difference = 0;
  for (let i = 0; i < known.length; i++) difference |= known[i]! ^ given[i]!;
  return difference === 0;
}
