import type { HttpRequest, HttpResponse } from './http-message.js';
import { toPlainPath } from './plain-path.js';
import { readArguments } from './query.js';
import { failure } from './responses.js';
import type { Refusal, RouteArgument, RouteRow } from './route-row.js';

/** What is no method of a row's own: HEAD is answered as GET is, and OPTIONS by the router. */
const NO_METHOD = ['HEAD', 'OPTIONS'];
const ODD_PATH = /[?#\p{Cc}]|\/\.\.?(?:\/|$)/u;

/** Throws a TypeError for a row that is none, as a host in JavaScript may give. */
export function assertRow(row: RouteRow): void {
  const { method, path, action, answer } = row;
  const args: unknown = row.args ?? [];
  const isMethod = /^[A-Z]+$/.test(method) && !NO_METHOD.includes(method);
  const isPath =
    typeof path === 'string' && path.startsWith('/') && toPlainPath(path) === path && path === path.toLowerCase();
  if (!isMethod || !isPath || ODD_PATH.test(path))
    throw new TypeError(
      `a row must have a method such as GET, but HEAD and OPTIONS, and a path such as /topic/delete, and has ${method} ${path}`,
    );
  const isAction = typeof action?.name === 'string' && ['read', 'write'].includes(action.kind);
  if (typeof answer !== 'function' || !isAction)
    throw new TypeError(
      `the row ${method} ${path} must have an answer and an action with a name and a kind, read or write`,
    );
  if (!Array.isArray(args) || !args.every(isArgument) || new Set(args.map(({ name }) => name)).size < args.length)
    throw new TypeError(
      `the args of the row ${method} ${path} must be a list of arguments, each with another name, and a function if it has isLegal`,
    );
}

function isArgument(arg: unknown): arg is RouteArgument {
  const { name, isLegal } = (arg ?? {}) as Partial<RouteArgument>;
  return typeof name === 'string' && name !== '' && ['undefined', 'function'].includes(typeof isLegal);
}

/** A refusal as an answer. Throws a TypeError for what is none. */
export function refuse(refusal: Refusal): HttpResponse {
  if (refusal?.status === 403) return failure(403, refusal.message ?? 'FORBIDDEN');
  if (refusal?.status !== 401 || typeof refusal.challenge !== 'string')
    throw new TypeError('authorize must answer true, or a refusal with a status of 401 and a challenge, or of 403');
  return failure(401, refusal.message ?? 'UNAUTHORIZED', { 'WWW-Authenticate': refusal.challenge });
}

/** Reads the arguments off the query, in order; the first that is missing or not legal is the answer. */
export function toRoute({ args = [], answer }: RouteRow): (request: HttpRequest) => ReturnType<RouteRow['answer']> {
  const names = args.map(({ name }) => name);
  return (request) => {
    const { before } = request;
    if (before?.isCurrent?.() === true) return before;
    if (args.length === 0) return answer(request);
    const values = readArguments(request.query, names);
    if (!values) return failure(400, 'INVALID_REQUEST');
    for (const [i, { name, isLegal }] of args.entries()) {
      const value = values[i];
      if (value === undefined) return failure(400, `MISSING_ARG_${name.toUpperCase()}`);
      const verdict: unknown = isLegal ? isLegal(value) : true;
      if (verdict !== true) return failure(400, `INVALID_ARG_${name.toUpperCase()}`);
    }
    return answer(request, ...(values as string[]));
  };
}
