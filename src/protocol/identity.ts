import { decodeText, encodeText } from '../base/bytes.js';
import { toIdentity, toWireIdentity, type Identity } from '../base/identity.js';
import { toFault, type Fault } from './messages.js';

/** Nesting deeper than this is refused, as Go's encoding/json does. */
const MAX_JSON_DEPTH = 10_000;

const STRINGS = ['broadcast_address', 'hostname', 'version', 'topology_zone', 'topology_region', 'remote_address'];
const INTEGERS = ['tcp_port', 'http_port'];
/** As nearly everybody writes them. */
const KEYS: ReadonlyMap<string, string> = new Map([...STRINGS, ...INTEGERS].map((key) => [`"${key}"`, key]));
/** Of the longest of them, each letter as an escape, in quotes. */
const MAX_KEY_LENGTH = 6 * 'broadcast_address'.length + 2;

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads the body of an IDENTIFY as Go's encoding/json reads it into nsqlookupd's struct: keys in any case,
 * the last of several counts, null changes nothing, unknown keys are skipped but must be JSON, ports are
 * written as integers, nothing follows the object. Any breach is `E_BAD_BODY`.
 */
export function decodeIdentity(body: Uint8Array, maxFieldLength: number): Identity | Fault {
  const text = decodeText(body);
  let fields: Map<string, string | number>;
  try {
    JSON.parse(text);
    fields = readFields(text);
  } catch {
    return toFault('E_BAD_BODY', 'IDENTIFY failed to decode JSON body');
  }
  const string = (name: string) => String(fields.get(name) ?? '');
  const identity = toIdentity(string, (name) => Number(fields.get(name) ?? 0));
  for (const name of STRINGS) {
    if (string(name).length > maxFieldLength)
      return toFault('E_BAD_BODY', `IDENTIFY ${name} too long`, 'maxFieldLength');
  }
  const { broadcastAddress, tcpPort, httpPort, version } = identity;
  if (broadcastAddress === '' || tcpPort === 0 || httpPort === 0 || version === '') {
    return toFault('E_BAD_BODY', 'IDENTIFY missing fields');
  }
  if (!isPort(tcpPort) || !isPort(httpPort)) return toFault('E_BAD_BODY', 'IDENTIFY port out of range');
  return identity;
}

export function encodeIdentity(identity: Identity): Uint8Array {
  return encodeText(JSON.stringify(toWireIdentity(identity)));
}

/** nsqlookupd takes any integer; TCP does not. */
function isPort(port: number): boolean {
  return port >= 1 && port <= 0xffff;
}

/**
 * The known fields of a JSON object; none of any other value. Takes only text that `JSON.parse` took; throws on what
 * else Go refuses.
 */
function readFields(json: string): Map<string, string | number> {
  const fields = new Map<string, string | number>();
  let depth = 0;
  let key: string | undefined;
  let isValue = false;
  for (let at = 0, end: number; at < json.length; at = end) {
    end = endOfToken(json, at);
    const first = json[at]!;
    if (first <= ' ') continue;
    if (first === '}' || first === ']') depth--;
    if (depth === 1) {
      if (first === ':') isValue = true;
      else if (first === ',') isValue = false;
      else if (!isValue) key = toKnownKey(json.slice(at, end));
      else if (key !== undefined) setField(fields, key, json.slice(at, end));
    }
    if ((first === '{' || first === '[') && ++depth > MAX_JSON_DEPTH) throw new SyntaxError('nested too deep');
  }
  return fields;
}

function setField(fields: Map<string, string | number>, key: string, token: string): void {
  if (token === 'null') return;
  if (STRINGS.includes(key)) {
    if (!token.startsWith('"')) throw new TypeError(`${key} is not a string`);
    const text = JSON.parse(token) as string; // a slice would keep all of the body
    // Half a pair of surrogates, which only an escape can be, is no character to Go.
    fields.set(key, token.includes('\\') ? text.replace(/\p{Surrogate}/gu, '\ufffd') : text);
  } else {
    if (!/^-?\d+$/.test(token)) throw new TypeError(`${key} is not an integer`);
    fields.set(key, Number(token));
  }
}

/** Where a token of valid JSON ends: punctuation, a string, another literal, or a white space. */
function endOfToken(json: string, start: number): number {
  let end = start + 1;
  if (json[start] === '"') {
    for (let code = json.charCodeAt(end); code !== QUOTE; code = json.charCodeAt(end))
      end += code === BACKSLASH ? 2 : 1;
    return end + 1;
  }
  if (!isPunctuationOrSpace(json.charCodeAt(start)))
    while (end < json.length && !isPunctuationOrSpace(json.charCodeAt(end))) end++;
  return end;
}

/** Of what may stand in JSON outside of a string. Brackets and braces differ in one bit. */
function isPunctuationOrSpace(code: number): boolean {
  return code <= SPACE || code === 0x2c || code === 0x3a || (code | 0x20) === 0x7b || (code | 0x20) === 0x7d;
}

/** Go matches keys without regard to case, and to it the long s is an s. */
function toKnownKey(token: string): string | undefined {
  const known = KEYS.get(token);
  if (known !== undefined || token.length > MAX_KEY_LENGTH) return known;
  const key = (JSON.parse(token) as string).toLowerCase().replaceAll('\u017f', 's');
  return STRINGS.includes(key) || INTEGERS.includes(key) ? key : undefined;
}
