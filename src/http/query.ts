/**
 * The arguments of a query string that have those names, in their order, as Go's url.ParseQuery reads them: the first
 * of each name. Undefined if the query is malformed anywhere (`%zz`, or a `;`).
 */
export function readArguments(query: string, names: readonly string[]): (string | undefined)[] | undefined {
  const values = new Array<string | undefined>(names.length).fill(undefined);
  for (let start = 0, end: number; start < query.length; start = end + 1) {
    end = query.indexOf('&', start);
    if (end < 0) end = query.length;
    if (end === start) continue;
    const pair = query.slice(start, end);
    if (pair.includes(';')) return undefined;
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return undefined;
    const at = names.indexOf(name);
    if (at >= 0) values[at] ??= value;
  }
  return values;
}

function unescape(text: string): string | undefined {
  return unescapePercent(text.includes('+') ? text.replaceAll('+', ' ') : text);
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
