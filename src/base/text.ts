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

/** All but what ends a line, drives a terminal, or turns the direction in which a line is read. With `\p{Cc}` it would take five times as long to compile. */
const UNPRINTABLE = /[^ -~\u00a0-\u061b\u061d-\u200d\u2010-\u2027\u202f-\u2065\u206a-\uffff]/g;
const MAX_LINE_LENGTH = 8192;

/** One line for a log, whatever a peer or client has put into it; cut after 8,192 characters. */
export function toPrintable(line: string): string {
  return line.slice(0, MAX_LINE_LENGTH).replace(UNPRINTABLE, toUnicodeEscape);
}
