import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';

/** Asks V8 whether two objects have one shape; undefined in an engine that does not tell. */
export function toShapeTest(): ((one: unknown, other: unknown) => boolean) | undefined {
  try {
    setFlagsFromString('--allow-natives-syntax');
    return runInThisContext('(one, other) => %HaveSameMap(one, other)') as (one: unknown, other: unknown) => boolean;
  } catch {
    return undefined;
  }
}

/** Why a test of shapes is left out. */
export const NEEDS_SHAPES = 'needs what V8 tells of itself';
