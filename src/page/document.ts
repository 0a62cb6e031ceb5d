import type { HttpRequest, HttpResponse } from '../http/index.js';
import { PAGE } from './built.js';

/** What goes with the page: it may load nothing else, ask nobody but this server, and stand in no other page. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': PAGE.policy,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY', // for browsers that do not know frame-ancestors
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-cache',
  ETag: PAGE.tag,
};

/** The page, unless it is the one that the browser has. */
export function answerPage({ headers }: HttpRequest): HttpResponse {
  const isKnown = String(headers['if-none-match'] ?? '').includes(PAGE.tag);
  return { status: isKnown ? 304 : 200, headers: HEADERS, body: isKnown ? '' : PAGE.html };
}
