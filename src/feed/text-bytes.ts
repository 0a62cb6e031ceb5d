/** What a text takes in memory, about: two bytes a character where one is beyond Latin-1. */
export function textBytes(text: string): number {
  return text === '' ? 0 : 24 + text.length * (/[^\0-\xff]/.test(text) ? 2 : 1);
}
