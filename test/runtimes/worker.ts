import { answer, call, CALL_PATH } from './worker-calls.js';

// workerd takes a default export, and no other that is not a handler.
export default {
  fetch: (request: Request): Promise<Response> =>
    new URL(request.url).pathname === CALL_PATH ? call(request) : answer(request),
};
