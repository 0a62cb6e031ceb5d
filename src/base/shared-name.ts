import { text } from './options.js';

/** What the keys of a shared registry may begin with: in braces, so that a cluster of Redis keeps them together. */
export const SHARED_NAME = /^[^{}]+$/;

/** Throws a TypeError for another. */
export function sharedName(option: string, value: unknown): void {
  text(option, value);
  if (!SHARED_NAME.test(String(value))) throw new TypeError(`${option} must not be empty, and have no braces`);
}
