export {
  answerNotFound,
  createHttpHandler,
  DEFAULT_MAX_CACHE_BYTES,
  orNotFound,
  type HttpHandlerOptions,
} from './http-handler.js';
export { createRouter, type RoutedHandler, type RouterOptions } from './router.js';
export type {
  Action,
  AnswerDescription,
  Authorize,
  JsonSchema,
  Refusal,
  RouteArgument,
  RouteDescription,
  RouteRow,
} from './route-row.js';
export { allOf, allowFrom, anyOf, except, readOnly, type AllowFromOptions } from './access.js';
export { allowNames, allowTokens, toCallerName, type Access, type AccessTable } from './access-tokens.js';
export { logRefusals, type LogRefusalsOptions } from './access-log.js';
export { trustProxies } from './access-proxies.js';
export { ZONE_POLICIES, zoneByNetwork, type Place, type ZoneOf, type ZonePolicy, type ZoneTable } from './zones.js';
export { requireTls } from './require-tls.js';
export { NSQLOOKUPD_VERSION } from '../registry/index.js';
export {
  decorate,
  type Caller,
  type CallerCertificate,
  type HttpBody,
  type HttpDecorator,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type HttpResult,
} from './http-message.js';
export { createLogDecorator, type LogDecoratorOptions } from './log-decorator.js';
export { toFetchHandler, type FetchHandlerOptions } from './adapters/fetch-adapter.js';
export {
  DEFAULT_ANSWER_TIMEOUT_MS,
  DEFAULT_MAX_IGNORED_BODY_BYTES,
  DEFAULT_MAX_PIPELINED_REQUESTS,
  DEFAULT_MAX_UNSENT_BYTES,
  toNodeHandler,
  type NodeHandlerOptions,
  type NodeLimit,
  type NodeListener,
} from './adapters/node-adapter.js';
export type { NodeRequest, NodeResponse, NodeSocket } from './adapters/node-messages.js';
export { underPrefix } from './prefix.js';
export {
  toFastifyPlugin,
  type FastifyReply,
  type FastifyRequest,
  type FastifyScope,
} from './adapters/fastify-adapter.js';
export { toKoaMiddleware, type KoaContext } from './adapters/koa-adapter.js';
export { toHonoMiddleware, type HonoContext } from './adapters/hono-adapter.js';
