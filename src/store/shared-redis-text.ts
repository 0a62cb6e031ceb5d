import { isName } from './shared-fields.js';
import type { NameRecord, OwnWrite, SharedBatch, SharedTombstone } from './shared-registry.js';

/** Of what is read as a batch: far above what a thousand of each kind may be. */
const MAX_BATCH_LENGTH = 8 * 1024 * 1024;

/** The form of what is written to Redis. What has another one is left alone. */
export const SHARED_FORMAT = 1;

/**
 * Keeps a batch. KEYS: of the origin, names, stream, origins. ARGV: the batch, its origin, and for how many milliseconds what is kept
 * of the origin lives, and the rest; how many entries the stream keeps.
 */
export const PUBLISH = `
local batch = cjson.decode(ARGV[1])
local kept = redis.call('HGET', KEYS[1], 'number')
if batch.isFirst then redis.call('DEL', KEYS[1])
elseif kept ~= string.format('%.0f', batch.number - 1) then return 0 end
for _, write in ipairs(batch.own) do
  if write[2] == cjson.null then redis.call('HDEL', KEYS[1], ':' .. write[1])
  else redis.call('HSET', KEYS[1], ':' .. write[1], write[2]) end
end
redis.call('HSET', KEYS[1], 'format', batch.format, 'number', string.format('%.0f', batch.number),
  'atMs', string.format('%.3f', batch.atMs), 'isWhole', batch.isWhole and '1' or '0')
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local function times(name)
  local text = redis.call('HGET', KEYS[2], name)
  local made, deleted, dropped = string.match(text or '', '^(%d+) (%d+) (%d+)$')
  return tonumber(made) or 0, tonumber(deleted) or 0, tonumber(dropped) or 0
end
local function set(name, made, deleted, dropped)
  redis.call('HSET', KEYS[2], name, string.format('%.0f %.0f %.0f', made, deleted, dropped))
end
for _, record in ipairs(batch.names) do
  local made, deleted, dropped = times(record[1])
  set(record[1], math.max(made, record[2]), math.max(deleted, record[3]), math.max(dropped, record[4]))
end
for _, name in ipairs(batch.forgotten) do
  local made, deleted, dropped = times(name)
  if made > math.max(deleted, dropped) then set(name, made, 0, 0) else redis.call('HDEL', KEYS[2], name) end
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*', 'batch', ARGV[1])
redis.call('SADD', KEYS[4], ARGV[2])
for i = 2, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[4]) end
return 1`;

/** An origin ends. KEYS: of the origin, stream. ARGV: the last word, for how long what is kept of it lives, entries of the stream. */
export const LEAVE = `
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'hasLeft', '1')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'batch', ARGV[1])
return 1`;

export function writeBatch(batch: SharedBatch): string {
  return JSON.stringify({ format: SHARED_FORMAT, ...batch });
}

/** A batch, as a stranger may have written it; undefined for what is none. */
export function readBatch(text: unknown): SharedBatch | undefined {
  if (typeof text !== 'string' || text.length > MAX_BATCH_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const given = value as Record<keyof SharedBatch | 'format' | 'hasLeft', unknown>;
  const { format, origin, number, hasLeft, atMs, own, names, forgotten, tombstones, asked } = given;
  if (format !== SHARED_FORMAT || !isOrigin(origin) || !isFinite(atMs)) return undefined;
  if (hasLeft !== true && !isTime(number)) return undefined;
  if (!isListOf(own, isWrite) || !isListOf(names, isRecord)) return undefined;
  if (!isListOf(forgotten, isText) || !isListOf(tombstones, isTombstone) || !isListOf(asked, isOrigin))
    return undefined;
  return {
    origin,
    atMs,
    own,
    names,
    forgotten,
    tombstones,
    asked,
    number: hasLeft === true ? Infinity : (number as number),
    isFirst: given.isFirst === true,
    isWhole: given.isWhole === true,
  };
}

/** A name and its times; undefined for what is none. */
export function readRecord(name: string, text: string): NameRecord | undefined {
  const [, madeAt, deletedAt, droppedAt] = /^(\d{1,15}) (\d{1,15}) (\d{1,15})$/.exec(text) ?? [];
  return madeAt === undefined || !isName(name)
    ? undefined
    : [name, Number(madeAt), Number(deletedAt), Number(droppedAt)];
}

export function isOrigin(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}

function isListOf<T>(value: unknown, isOne: (one: unknown) => one is T): value is readonly T[] {
  return Array.isArray(value) && value.every(isOne);
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

/** Logical times and numbers: far below what Lua writes exactly. */
function isTime(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 1e15;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isWrite(value: unknown): value is OwnWrite {
  return Array.isArray(value) && isText(value[0]) && (value[1] === null || isText(value[1]));
}

function isRecord(value: unknown): value is NameRecord {
  return Array.isArray(value) && value.length === 4 && isText(value[0]) && value.slice(1).every(isTime);
}

function isTombstone(value: unknown): value is SharedTombstone {
  if (!Array.isArray(value)) return false;
  const [topic, node, atMs, isEnded = false, at = 0] = value as unknown[];
  return isText(topic) && isText(node) && isFinite(atMs) && typeof isEnded === 'boolean' && isTime(at);
}
