/**
 * The same text without what it was cut from: engines keep the whole of a long line or URL alive for a short name
 * that was cut out of it. Not `slice(1)`: JavaScriptCore sees through it, and gives the text back as it was.
 */
export function toOwnText(text: string): string {
  return ` ${text}`.replace(' ', '');
}

export function toUnicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
