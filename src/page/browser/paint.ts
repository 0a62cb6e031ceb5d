import type { Topic } from './model.js';
import { Slices } from './slices.js';
import { STATES, type Judge, type State } from './state.js';
import type { Axis } from './view.js';

/** Red, green, blue. */
export type Colour = readonly [number, number, number];
export type Colours = Readonly<Record<State | 'ground', Colour>>;

export interface Picture {
  readonly rows: readonly Topic[];
  readonly x: Axis;
  readonly y: Axis;
  readonly ratio: number;
  readonly colours: Colours;
  readonly judge: Judge;
}

const RANKS: Readonly<Record<State, number>> = Object.fromEntries(STATES.map((state, i) => [state, i + 1])) as never;
/** What stands out where many cells share a pixel. */
const FAINTEST = 0.34;

/** The cells that are seen, in slices, at the size of the screen's own pixels. */
export async function paintCells(image: ImageData, picture: Picture): Promise<void> {
  const { x, y, ratio } = picture;
  const isDense = x.size * ratio < 1 || y.size * ratio < 1;
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  await (isDense ? paintDense : paintEach)(pixels, image, picture);
}

async function paintEach(pixels: Uint32Array, { width, height }: ImageData, picture: Picture): Promise<void> {
  const { rows, x, y, ratio, colours, judge } = picture;
  const slices = new Slices();
  const inks = Object.fromEntries(STATES.map((state) => [state, toInk(colours[state])])) as Record<State, number>;
  const gapX = x.size > 4 ? Math.max(1, Math.round(Math.min(2, x.size / 8) * ratio)) : 0;
  const gapY = y.size > 4 ? Math.max(1, Math.round(Math.min(2, y.size / 8) * ratio)) : 0;
  const edge = Math.max(1, Math.round(1.5 * ratio));
  const canHollow = Math.min(x.size, y.size) >= 7;
  for (let row = y.first; row < y.end; row++) {
    const top = Math.max(0, Math.round(y.toPixel(row) * ratio));
    const bottom = Math.min(height, Math.max(top + 1, Math.round(y.toPixel(row + 1) * ratio) - gapY));
    for (const [peer, tombstonedAtMs] of rows[row]!.producers) {
      if (peer.column < x.first || peer.column >= x.end) continue;
      const state = judge.of(peer, tombstonedAtMs);
      const left = Math.max(0, Math.round(x.toPixel(peer.column) * ratio));
      const right = Math.min(width, Math.max(left + 1, Math.round(x.toPixel(peer.column + 1) * ratio) - gapX));
      const ink = inks[state];
      // Not by colour alone: a silent one is half, a tombstoned one an outline, one that is not back yet striped.
      const from = state === 'silent' && canHollow ? (top + bottom) >> 1 : top;
      for (let line = from; line < bottom; line++) {
        if (state === 'restored' && canHollow && (line - top) % (2 * edge) >= edge) continue;
        const isEdge = state !== 'tombstoned' || !canHollow || line < top + edge || line >= bottom - edge;
        const start = line * width;
        if (isEdge) pixels.fill(ink, start + left, start + right);
        else {
          pixels.fill(ink, start + left, start + left + edge);
          pixels.fill(ink, start + right - edge, start + right);
        }
      }
    }
    if (slices.isOver) await slices.next();
  }
}

/** Many cells a pixel: the worst of their states, the stronger the more there are. */
async function paintDense(pixels: Uint32Array, { width, height }: ImageData, picture: Picture): Promise<void> {
  const { rows, x, y, ratio, colours, judge } = picture;
  const slices = new Slices();
  const ranks = new Uint8Array(pixels.length);
  const counts = new Uint16Array(pixels.length);
  const perPixel = Math.max(1, 1 / (x.size * ratio)) * Math.max(1, 1 / (y.size * ratio));
  for (let row = y.first; row < y.end; row++) {
    const top = Math.min(height - 1, Math.max(0, Math.floor(y.toPixel(row) * ratio)));
    const bottom = Math.min(height, Math.max(top + 1, Math.floor(y.toPixel(row + 1) * ratio)));
    let count = 0;
    for (const [peer, tombstonedAtMs] of rows[row]!.producers) {
      if (peer.column < 0) continue;
      const rank = RANKS[judge.of(peer, tombstonedAtMs)];
      const left = Math.max(0, Math.floor(x.toPixel(peer.column) * ratio));
      const right = Math.min(width, Math.max(left + 1, Math.floor(x.toPixel(peer.column + 1) * ratio)));
      for (let line = top * width; line < bottom * width; line += width) {
        for (let at = line + left; at < line + right; at++) {
          counts[at]!++;
          if (ranks[at]! < rank) ranks[at] = rank;
        }
      }
      if (++count % 256 === 0 && slices.isOver) await slices.next();
    }
    if (slices.isOver) await slices.next();
  }
  for (let at = 0; at < pixels.length; at++) {
    if (ranks[at] === 0) continue;
    const strength = FAINTEST + (1 - FAINTEST) * Math.min(1, counts[at]! / perPixel);
    pixels[at] = toInk(colours[STATES[ranks[at]! - 1]!], strength);
    if (at % 65536 === 0 && slices.isOver) await slices.next();
  }
}

/** As the bytes of a picture stand in memory, on every machine that runs a browser. */
function toInk([red, green, blue]: Colour, strength = 1): number {
  return ((Math.round(strength * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
