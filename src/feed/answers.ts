import type { HttpResponse } from '../http/index.js';

export const JSON_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'application/json; charset=utf-8',
  'X-Nsq-Content-Type': 'nsq; version=1.0',
};

/** An error, as nsqlookupd words it. */
export function failure(status: number, message: string): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify({ message }) };
}

/** As many wait or watch as may. */
export function tooManyWatchers(): HttpResponse {
  return { ...failure(503, 'TOO_MANY_WATCHERS'), headers: { ...JSON_HEADERS, 'Retry-After': '10' } };
}
