/** Says what is wrong with an option's value, by throwing a TypeError that names it. */
export type Check = (name: string, value: unknown) => void;

/** A check for every option of a factory: none can be forgotten. */
export type Checks<O> = { readonly [K in keyof Required<O>]: Check };

/** A value in an error: a text stands in quotes, so that `"64"` is told from 64. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function must(isIt: (value: unknown) => boolean, what: string): Check {
  return (name, value) => {
    if (!isIt(value)) throw new TypeError(`${name} must be ${what}, and is ${show(value)}`);
  };
}

/** The value of an option that is a number. Throws a TypeError that names it when it is another thing or too low. */
export function atLeast(least: number, name: string, value: number): number {
  number(least)(name, value);
  return value;
}

/** A number from `least` to `most`; `Infinity` too, unless there is a most. */
export function number(least: number, most = Infinity): Check {
  const range = most === Infinity ? `from ${least} on` : `from ${least} to ${most}`;
  return must((value) => typeof value === 'number' && value >= least && value <= most, `a number ${range}`);
}

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number): Check {
  const isIt = (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
  return must(isIt, `a whole number from ${least} to ${most}`);
}

// Marked as pure, so that a bundle holds only those that it uses.
export const text = must((value) => typeof value === 'string', 'a string');
export const aBoolean = must((value) => typeof value === 'boolean', 'true or false');
export const aFunction = must((value) => typeof value === 'function', 'a function');
export const textOrFunction = must(
  (value) => typeof value === 'string' || typeof value === 'function',
  'a string or a function',
);
export const aNumber = must((value) => typeof value === 'number' && !Number.isNaN(value), 'a number');
export const aFinite = must((value) => Number.isFinite(value), 'a finite number');
export const aPort = must(
  (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535,
  'a port from 1 to 65535',
);
export const anArray = must(Array.isArray, 'an array');
export const anObject = must((value) => typeof value === 'object' && value !== null, 'an object');

/** One of those words. */
export function oneOf(words: readonly string[]): Check {
  return must((value) => words.includes(value as string), `one of ${words.join(', ')}`);
}

/** An object that has those methods. */
export function withMethods(what: string, ...names: readonly string[]): Check {
  return must(
    (value) => names.every((name) => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
    what,
  );
}

/** A function that gives numbers. One that throws now may do better later. */
export const aClock: Check = (name, value) => {
  aFunction(name, value);
  let now: unknown = 0;
  try {
    now = (value as () => unknown)();
  } catch {
    return;
  }
  if (typeof now !== 'number' || Number.isNaN(now))
    throw new TypeError(`${name} must give a number, and gives ${show(now)}`);
};

export const timers = withMethods('an object with setTimeout, such as globalThis', 'setTimeout');
export const aSignal = withMethods('an AbortSignal', 'addEventListener', 'throwIfAborted');
export const clientTimers = withMethods('an object with setTimeout and clearTimeout', 'setTimeout', 'clearTimeout');

/** A logger: each of its methods may be left out, and what stands there must be one. */
export const logger: Check = (name, value) => {
  anObject(name, value);
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    const method = (value as Record<string, unknown>)[level];
    if (method !== undefined) aFunction(`${name}.${level}`, method);
  }
};

/** The check of an option that may not be left out. */
export function required(check: Check): Check {
  return Object.assign((name: string, value: unknown) => check(name, value), { isRequired: true });
}

/** The checks of options that are an object of their own, such as `limits`. */
export function nested<O extends object>(checks: Checks<O>): Check {
  return (name, value) => {
    anObject(name, value);
    checkOptions(name, value as O, checks);
  };
}

/**
 * Checks what a host hands to a factory, and gives it back, or an empty object for nothing. Throws a TypeError that names the
 * option when one is unknown, missing, or of the wrong kind. An optional one that is undefined counts as left out.
 */
export function checkOptions<O extends object>(of: string, options: O | undefined, checks: Checks<O>): Partial<O> & O {
  const given = (options ?? {}) as Record<string, unknown>;
  anObject(`the options of ${of}`, given);
  const known = checks as Readonly<Record<string, Check & { readonly isRequired?: boolean }>>;
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    throw new TypeError(`${of} has no option ${show(name)}, only ${Object.keys(known).join(', ')}`);
  }
  // For each peer: a list of pairs would be some of what it leaves behind.
  for (const name in known) {
    if (given[name] !== undefined || known[name]!.isRequired === true) known[name]!(name, given[name]);
  }
  return given as O;
}

/** The options that the checks are of, out of those of a larger whole. */
export function pickOptions<O extends object>(options: object, checks: Checks<O>): Partial<O> {
  const picked: Record<string, unknown> = {};
  for (const name in checks) if (Object.hasOwn(options, name)) picked[name] = options[name as never];
  return picked as Partial<O>;
}
