import type { HttpResponse } from '../http-message.js';

const FRAMING = /^(?:content-length|transfer-encoding)$/i;

/** The headers but those that tell where the body ends, which whoever sends it tells: said twice, clients take it for an attack. */
export function unframed(headers: HttpResponse['headers']): [name: string, value: string][] {
  return Object.entries(headers).filter(([name]) => !FRAMING.test(name));
}
