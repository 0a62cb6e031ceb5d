import { failure } from './responses.js';
import type { Caller, HttpRequest, HttpResponse } from './http-message.js';
import { toPlainPath } from './plain-path.js';
import { readArguments } from './query.js';

/** What a route does, for who decides who may. */
export interface Action {
  /** Of nsqlookupd's routes their path without the first slash, such as `topic/delete`. */
  readonly name: string;
  /** Whether it changes anything. */
  readonly kind: 'read' | 'write';
}

/** An argument in the query. */
export interface RouteArgument {
  /** As in the query. */
  readonly name: string;
  /** Whether a value is legal. Default: any is. */
  readonly isLegal?: ((value: string) => boolean) | undefined;
  /** What it is, for who reads of the route. */
  readonly about?: string | undefined;
}

/** What a JSON value looks like, by JSON Schema 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** One kind of answer. */
export interface AnswerDescription {
  /** When it is given, or what it has. */
  readonly description: string;
  /** What its body looks like, by media type, such as `application/json`. Default: it has none. */
  readonly content?: Readonly<Record<string, JsonSchema>> | undefined;
}

/** What a route is for and what it answers, of which `/openapi.json` is made. */
export interface RouteDescription {
  /** What it does, in a line. */
  readonly summary: string;
  /**
   * By status. What any route may answer need not stand here: 400 where there are arguments, 401, 403 and 500, each with a
   * `message` as JSON.
   */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
}

/** A route. */
export interface RouteRow {
  /** In upper case, and neither HEAD, which is answered as GET is but for the body, nor OPTIONS. */
  readonly method: string;
  /** Plain and in lower case, such as `/topic/delete`. */
  readonly path: string;
  /** Each is needed: one that is missing or not legal is answered 400. Default: none. */
  readonly args?: readonly RouteArgument[] | undefined;
  /** What it does, which `authorize` is asked about. */
  readonly action: Action;
  /** What it is for and what it answers, for who reads of it. Default: no more than its action tells. */
  readonly about?: RouteDescription | undefined;
  /** Gets the values of the arguments in their order. What it throws is answered 500. */
  readonly answer: (request: HttpRequest, ...values: string[]) => HttpResponse | PromiseLike<HttpResponse>;
}

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

/** Why somebody may not: who they are is not known (401, with how to say it), or they may not do that (403). */
export type Refusal =
  | {
      readonly status: 401;
      /** The header `WWW-Authenticate`, such as `Bearer`. */
      readonly challenge: string;
      /** Default: `UNAUTHORIZED`. */
      readonly message?: string | undefined;
    }
  | {
      readonly status: 403;
      /** Default: `FORBIDDEN`. */
      readonly message?: string | undefined;
    };

/** Decides who may do what, now or later: `true`, or why not. What it throws, or any other answer, is answered 500. */
export type Authorize = (
  caller: Caller,
  action: Action,
  request: HttpRequest,
) => true | Refusal | PromiseLike<true | Refusal>;

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
