/** Longer names are cut where they are shown. */
const MAX_LENGTH = 300;
/** What would not be seen, or would turn around what stands beside it. */
// eslint-disable-next-line no-control-regex -- those are what is looked for
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;

/** A text as it can be read: what is unseen in it by its number, and not without end. */
export function toShown(text: string, maxLength = MAX_LENGTH): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return cut.replace(UNSEEN, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
