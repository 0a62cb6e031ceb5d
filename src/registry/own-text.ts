/**
 * The same text without what it was cut from: engines keep the whole of a long line or URL alive for a short name
 * that was cut out of it.
 */
export function toOwnText(text: string): string {
  return ` ${text}`.slice(1);
}
