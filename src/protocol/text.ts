const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Up to here a call of `String.fromCharCode` is faster than a `TextDecoder`. */
const SHORT = 200;

/** UTF-8 with a replacement character for what is none. A byte order mark is text like any other. */
export function decodeText(bytes: Uint8Array): string {
  return bytes.length <= SHORT && bytes.every(isAscii) ? String.fromCharCode(...bytes) : decoder.decode(bytes);
}

function isAscii(byte: number): boolean {
  return byte < 128;
}

export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** A payload after its size: four bytes, big-endian. */
export function frame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length);
  bytes.set(payload, 4);
  return bytes;
}

/** The size before a payload, as nsqlookupd reads it: signed. */
export function readSize(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0);
}
