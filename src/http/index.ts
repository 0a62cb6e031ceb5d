export * from './http-handler.js';
export * from './router.js';
export type * from './route-row.js';
export * from './access.js';
export * from './access-tokens.js';
export * from './access-log.js';
export * from './access-proxies.js';
export { ZONE_POLICIES, zoneByNetwork, type Place, type ZoneOf, type ZonePolicy, type ZoneTable } from './zones.js';
export * from './require-tls.js';
export { NSQLOOKUPD_VERSION } from '../registry/index.js';
export { decorate } from './decorate.js';
export type * from './http-message.js';
export * from './log-decorator.js';
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
export type * from './adapters/node-messages.js';
export * from './prefix.js';
export * from './adapters/fastify-adapter.js';
export * from './adapters/koa-adapter.js';
export * from './adapters/hono-adapter.js';
