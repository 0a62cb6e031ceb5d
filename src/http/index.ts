export { answerNotFound, createHttpHandler, NSQLOOKUPD_VERSION, type HttpHandlerOptions } from './http-handler.js';
export {
  decorate,
  type HttpBody,
  type HttpDecorator,
  type HttpHandler,
  type HttpRequest,
  type HttpResponse,
  type HttpResult,
  type SyncHttpHandler,
} from './http-message.js';
export { createLogDecorator } from './log-decorator.js';
export { toFetchHandler } from './fetch-adapter.js';
export { toNodeHandler, type NodeListener, type NodeRequest, type NodeResponse } from './node-adapter.js';
