import type { HttpResponse } from '../http/index.js';

const NSQ = { 'X-Nsq-Content-Type': 'nsq; version=1.0' };
const JSON_HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  ...NSQ,
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
