import type { HttpResponse } from '../http/index.js';
import { PAGE } from './built.js';

const NSQ = { 'X-Nsq-Content-Type': 'nsq; version=1.0' };
const JSON_HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  ...NSQ,
};

/** What goes with the page: it may load nothing else, ask nobody but this server, and stand in no other page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': PAGE.policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY', // for browsers that do not know frame-ancestors
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
  ETag: PAGE.tag,
};

export function json(value: unknown): HttpResponse {
  return { status: 200, headers: JSON_HEADERS, body: JSON.stringify(value) };
}

export function done(): HttpResponse {
  return { status: 200, headers: NSQ, body: '' };
}

export function failure(status: number, message: string): HttpResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify({ message }) };
}
