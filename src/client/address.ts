import { text, type Check } from '../base/options.js';
import { joinHostPort, parseTcpAddress } from '../base/host-port.js';

/** The HTTP side of a lookupd. */
export interface HttpLookupd {
  /** What names it in answers and errors: as it was given, without a query, which may hold a secret. */
  readonly address: string;
  /** What no error may show: its query, and the parts of that, as they are and decoded. */
  readonly secrets: readonly string[];
  /** The URL of one of its routes, such as `lookup`. */
  readonly toUrl: (route: string, topic?: string) => string;
}

/** A value of a query that is as short is no secret, and may stand in any text by chance. */
const MAX_SHOWN_LENGTH = 3;

/**
 * Reads `host:port`, or a URL: of what the routes are below, or of the route `lookup` itself, as NSQ's clients have it.
 * Throws a TypeError when it is neither; that shows nothing of a query, a user or a password.
 */
function toHttpLookupd(given: string, place = ''): HttpLookupd {
  const [address = ''] = given.split(/[?#]/);
  const base = toUrl(given);
  base.pathname = base.pathname.replace(/(?:\/lookup)?\/?$/, '/');
  if (base.searchParams.has('topic')) base.searchParams.delete('topic');
  const query = base.search.slice(1);
  const values = query.split('&').map((part) => part.replace(/^[^=]*=/, ''));
  return {
    address,
    secrets: [query, ...values, ...base.searchParams.values()].filter((secret) => secret.length > MAX_SHOWN_LENGTH),
    toUrl: (route, topic) => {
      const url = new URL(base);
      url.pathname += route;
      if (topic !== undefined) url.search += `${query === '' ? '' : '&'}topic=${encodeURIComponent(topic)}`;
      if (route === 'lookup' || route === 'watch') url.search += topic === undefined ? '' : place;
      return url.href;
    },
  };
}

function toUrl(given: string): URL {
  if (!/^https?:\/\//i.test(given)) {
    if (/[/?#@]/.test(given)) throw new TypeError('a lookupd must be host:port, or a URL of http or https');
    const { host, port } = parseTcpAddress(given);
    return new URL(`http://${joinHostPort(host, port)}`);
  }
  if (!URL.canParse(given)) throw new TypeError('a URL of a lookupd is not one that can be read');
  const url = new URL(given);
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(`the URL of the lookupd at ${url.host} has a user or a password; use the option token`);
  }
  if (url.hash !== '') throw new TypeError(`the URL of the lookupd at ${url.host} has a fragment`);
  return url;
}

/** Lookupds, or what gives them, now or later. */
export type Lookupds = readonly string[] | (() => readonly string[] | PromiseLike<readonly string[]>);

/** An array of addresses that is not empty. */
export const someLookupds: Check = (name, value) => {
  if (!Array.isArray(value) || value.length === 0) {
    throw new TypeError('lookupds must be an array that names at least one lookupd');
  }
  value.forEach((lookupd, i) => text(`${name}[${i}]`, lookupd));
};

/** The same, or a function that gives one. */
export const lookupdsOrFunction: Check = (name, value) => {
  if (typeof value !== 'function') someLookupds(name, value);
};

/** Each once, with what says where the caller is (`&zone=Z&region=R`), as they are each time that this is called. Throws at once for an array with one that cannot be read. */
export function toLookupds(given: Lookupds, place = ''): () => Promise<readonly HttpLookupd[]> {
  const read = (lookupds: readonly string[]) => [...new Set(lookupds)].map((each) => toHttpLookupd(each, place));
  if (typeof given !== 'function') {
    const known = read(given);
    return () => Promise.resolve(known);
  }
  return async () => {
    const lookupds = await given();
    someLookupds('lookupds', lookupds);
    return read(lookupds);
  };
}
