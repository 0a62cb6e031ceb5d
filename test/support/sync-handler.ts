import type { HttpRequest, HttpResult } from 'nsqlookupd/http';

/** A handler that is asked nothing that takes long. */
export type SyncHttpHandler = (request: HttpRequest) => HttpResult;
