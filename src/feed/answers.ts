import type { HttpResponse } from '../http/index.js';

export const JSON_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'application/json; charset=utf-8',
  'X-Nsq-Content-Type': 'nsq; version=1.0',
};

/** An error, as nsqlookupd words it. */
export function failure(status: number, message: string): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify({ message }) };
}
