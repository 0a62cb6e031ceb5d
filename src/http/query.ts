/**
 * The arguments of a query string as Go's url.ParseQuery reads them, the first of each name; undefined if it
 * is malformed (`%zz`, or a `;`).
 */
export function parseQuery(query: string): Map<string, string> | undefined {
  const args = new Map<string, string>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    if (pair.includes(';')) return undefined;
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    if (!args.has(name)) args.set(name, value);
  }
  return args;
}

function unescape(text: string): string | undefined {
  return unescapePercent(text.replaceAll('+', ' '));
}

const MALFORMED = /%(?![0-9a-fA-F]{2})/;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * The text with `%xx` replaced; undefined if one is malformed. Bytes that are no UTF-8, which Go keeps, become
 * replacement characters: no legal name has either.
 */
export function unescapePercent(text: string): string | undefined {
  if (!text.includes('%')) return text;
  if (MALFORMED.test(text)) return undefined;
  return text.replace(/(?:%[0-9a-fA-F]{2})+/g, (run) =>
    decoder.decode(Uint8Array.from(run.slice(1).split('%'), (hex) => parseInt(hex, 16))),
  );
}
