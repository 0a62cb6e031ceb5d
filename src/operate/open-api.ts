import { anArray } from '../base/options.js';
import type { AnswerDescription, JsonSchema, RouteRow } from '../http/index.js';

/** An OpenAPI 3.1 document. */
export type OpenApiDocument = Readonly<Record<string, unknown>>;

const MESSAGE: JsonSchema = {
  type: 'object',
  properties: { message: { type: 'string' } },
  required: ['message'],
  additionalProperties: true,
};
const failureOf = (description: string): AnswerDescription => ({
  description,
  content: { 'application/json': { $ref: '#/components/schemas/Message' } },
});
const UNAUTHORIZED = failureOf('who asks is not known');
const FORBIDDEN = failureOf('who asks may not');
const INTERNAL_ERROR = failureOf('INTERNAL_ERROR');

/**
 * Describes routes as an OpenAPI 3.1 document, each by its `about`; one that has none by the name of its action.
 *
 * @example
 * ```js
 * import { createHttpHandler, RegistrationDB, Topology } from 'nsqlookupd';
 * import { toOpenApi } from 'nsqlookupd/operate';
 *
 * const { routes } = createHttpHandler({ topology: new Topology({ db: new RegistrationDB() }) });
 * console.log(toOpenApi(routes, '1.0.0').paths['/lookup']?.['get']?.operationId); // get-lookup
 * ```
 */
export function toOpenApi(
  rows: readonly RouteRow[],
  version: string,
): OpenApiDocument & { readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>> } {
  anArray('rows', rows);
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const row of rows) (paths[row.path] ??= {})[row.method.toLowerCase()] = toOperation(row);
  return {
    openapi: '3.1.0',
    info: {
      title: 'nsqlookupd',
      version,
      description: 'HEAD is answered as GET, without the body; OPTIONS with Allow.',
    },
    paths,
    components: { schemas: { Message: MESSAGE } },
  };
}

/** One route. */
export interface OpenApiOperation {
  /** Tells it from the others. */
  readonly operationId: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Its arguments. */
  readonly parameters: readonly unknown[];
  /** What it answers, by status. */
  readonly responses: Readonly<Record<string, unknown>>;
}

function toOperation({ method, path, args = [], action, about }: RouteRow): OpenApiOperation {
  const answers = {
    ...(about ? about.answers : { default: { description: action.name } }),
    ...(args.length > 0 && { 400: failureOf('INVALID_REQUEST, MISSING_ARG_… or INVALID_ARG_…') }),
    401: UNAUTHORIZED,
    403: FORBIDDEN,
    500: INTERNAL_ERROR,
  };
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll('/', '-')}`,
    summary: about?.summary ?? action.name,
    parameters: args.map(({ name, about: description }) => {
      return { name, in: 'query', required: true, schema: { type: 'string' }, ...(description && { description }) };
    }),
    responses: Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, toResponse(answer)])),
  };
}

function toResponse({ description, content }: AnswerDescription): unknown {
  if (!content) return { description };
  const types = Object.entries(content).map(([type, schema]) => [type, { schema }]);
  return { description, content: Object.fromEntries(types) as Readonly<Record<string, unknown>> };
}
