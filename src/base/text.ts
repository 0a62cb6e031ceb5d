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

/** What ends a line, drives a terminal, or turns the direction in which a line is read. */
const UNPRINTABLE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;
const MAX_LINE_LENGTH = 8192;

/** One line for a log, whatever a peer or client has put into it; cut after 8,192 characters. */
export function toPrintable(line: string): string {
  return line.slice(0, MAX_LINE_LENGTH).replace(UNPRINTABLE, toUnicodeEscape);
}
