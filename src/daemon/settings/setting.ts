import { getHeapStatistics } from 'node:v8';
import type { PeerLimits } from '../../protocol/index.js';
import type { LookupdOptions } from '../lookupd-options.js';
import type { Kind } from '../setting-kinds.js';

/** One setting: its flag, its config key, its option, its line in the help and its row in docs/settings.md. */
export interface Setting<T> extends SettingTraits<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly help: string;
}

interface SettingTraits<T> {
  /** The option of `createLookupd` that it becomes. */
  readonly option?: keyof LookupdOptions | `limits.${keyof PeerLimits}`;
  /** What whoever meets the limit gets. */
  readonly atLimit?: string;
  /** The value that stands for none: `createLookupd` is not told, and has a default of its own. */
  readonly none?: T;
  /** Set where `createLookupd` is not told the default, as its own depends on other options. */
  readonly onlyGiven?: true;
  /** What the default follows, where it is not the same everywhere. */
  readonly defaultText?: string;
  /** Whether it can only be given on the command line. */
  readonly commandLineOnly?: true;
}

/** Settings by flag; in the config file a `-` of a name is a `_`. Each may be of another type. */
export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

/** The values of settings, by flag. */
export type ValuesOf<T extends SettingTable> = {
  -readonly [N in keyof T]: T[N] extends Setting<infer V> ? V : never;
};

/** A row of a table. */
export function row<T>(kind: Kind<T>, standard: T, help: string, traits: SettingTraits<T> = {}): Setting<T> {
  return { kind, default: standard, help, ...traits };
}

const HEAP_BYTES = getHeapStatistics().heap_size_limit;

/** A part of the heap's limit, which `node --max-old-space-size` sets. */
export function ofHeap(part: number): number {
  return Math.floor(HEAP_BYTES / part);
}
