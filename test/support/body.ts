import type { HttpResponse } from 'nsqlookupd/http';

/** The text of an answer that came whole. */
export function bodyOf(response: HttpResponse | undefined): string {
  const body = response?.body ?? '';
  return typeof body === 'string' ? body : Buffer.from(body as Uint8Array).toString();
}
