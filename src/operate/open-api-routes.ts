import { aFunction, checkOptions, required, text, type Checks } from '../base/options.js';
import { PACKAGE_VERSION } from '../base/version.js';
import type { RouteRow } from '../http/index.js';
import { describeJson, json } from './answers.js';
import { toOpenApi } from './open-api.js';

/** What `/openapi.json` is made of. */
export interface OpenApiOptions {
  /** Gives the rows to describe, when they are first asked for; `() => handler.routes` has those of a handler that these are part of. */
  readonly routes: () => readonly RouteRow[];
  /** The version that the document has. Default: that of this package. */
  readonly version?: string | undefined;
}

const CHECKS: Checks<OpenApiOptions> = { routes: required(aFunction), version: text };

/**
 * Makes `/openapi.json`, which describes routes. Throws a TypeError when an option is
 * unknown, missing or of the wrong kind.
 *
 * @example
 * ```js
 * import { createHttpHandler, createRouter, RegistrationDB, Topology } from 'nsqlookupd';
 * import { openApiRoutes } from 'nsqlookupd/operate';
 *
 * const { routes } = createHttpHandler({ topology: new Topology({ db: new RegistrationDB() }) });
 * const handler = createRouter(openApiRoutes({ routes: () => routes }));
 * const answer = await handler({ method: 'GET', path: '/openapi.json', query: '', headers: {} });
 * console.log(JSON.parse(String(answer?.body)).openapi); // 3.1.0
 * ```
 */
export function openApiRoutes(options: OpenApiOptions): readonly RouteRow[] {
  const { routes, version = PACKAGE_VERSION } = checkOptions('openApiRoutes', options, CHECKS);
  let made: ReturnType<typeof json> | undefined;
  const about = {
    summary: 'this description',
    answers: { 200: describeJson('OpenAPI 3.1', { type: 'object', required: ['openapi', 'paths'] }) },
  };
  const answer = () => (made ??= json(toOpenApi(routes(), version)));
  return [{ method: 'GET', path: '/openapi.json', action: { name: 'openapi.json', kind: 'read' }, about, answer }];
}
