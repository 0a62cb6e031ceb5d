import type { RequestOptions } from 'node:https';
import type { TlsClientOptions } from './tls-options.js';

/** Asks over TLS with a CA or a certificate of one's own, which the runtime's `fetch` cannot. It does not follow redirects. */
export function createTlsFetch(tls: TlsClientOptions): (url: string, init: RequestInit) => Promise<Response> {
  return (url, init) => (url.startsWith('https:') ? ask(url, init, tls) : fetchAnyPort(url, init));
}

/**
 * The runtime's `fetch`. Where Node's refuses a port that browsers keep from pages, such as 4190 or 6667, it asks over
 * `node:http`, which does not follow redirects.
 */
export async function fetchAnyPort(url: string, init: RequestInit): Promise<Response> {
  try {
    return await globalThis.fetch(url, init);
  } catch (error) {
    if (!isForbiddenPort(error)) throw error;
    return await ask(url, init);
  }
}

function isForbiddenPort(error: unknown): boolean {
  return error instanceof TypeError && error.cause instanceof Error && error.cause.message === 'bad port';
}

/** What a `Response` may have no body with. */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

async function ask(
  url: string,
  { method, headers, signal }: RequestInit,
  tls: TlsClientOptions = {},
): Promise<Response> {
  const { request: open } = url.startsWith('https:') ? await import('node:https') : await import('node:http');
  const { Readable } = await import('node:stream');
  return new Promise((resolve, reject) => {
    const options = {
      ...(tls as RequestOptions),
      method: method ?? 'GET',
      headers: headers as Record<string, string>,
      signal: signal ?? undefined,
      agent: false,
    };
    const request = open(url, options, (response) => {
      const { statusCode: status = 0, rawHeaders } = response;
      const body = WITHOUT_BODY.includes(status) ? null : (Readable.toWeb(response) as ReadableStream<Uint8Array>);
      try {
        const headers = new Headers();
        for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i]!, rawHeaders[i + 1]!);
        resolve(new Response(body, { status, headers }));
      } catch (error) {
        request.destroy(error as Error); // no status of HTTP, or no headers
      }
    });
    request.on('error', reject).end();
  });
}
