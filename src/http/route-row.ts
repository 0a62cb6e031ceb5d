import type { Caller, HttpRequest, HttpResponse } from './http-message.js';

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
