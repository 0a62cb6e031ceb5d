import { toInk, type Colours } from './colours.js';
import type { Layout } from './layout.js';
import type { Peer, Topic } from './model.js';
import { Slices } from './slices.js';
import { STATES, type Judge } from './state.js';
import type { Axis } from './view.js';

export interface Picture {
  readonly layout: Layout;
  readonly x: Axis;
  readonly y: Axis;
  readonly ratio: number;
  readonly colours: Colours;
  readonly judge: Judge;
}

/** What stands out where many cells share a pixel. */
const FAINTEST = 0.34;
/** From that size on, cells without a producer are shown. */
const MIN_GRID = 6;
/** So many lines of pixels are painted at once. */
const BAND = 12;
/** More topics than these that changed are not painted one by one. */
const MAX_CHANGED = 200;
const SILENT = STATES.indexOf('silent');
const TOMBSTONED = STATES.indexOf('tombstoned');
const RESTORED = STATES.indexOf('restored');

/** The map's cells, at the size of the screen's own pixels. What has changed is painted, and no more. */
export class Cells {
  image = new ImageData(1, 1);
  #pixels = new Uint32Array(1);
  readonly #changed = new Set<Topic>();
  #isStale = true;
  /** So many lines, from there on and then from the top, are a little off. */
  #linesOff = 0;
  #nextOff = 0;
  /** How it stands with each nsqd, by column: as a state's place in `STATES`. */
  #states = new Uint8Array(0);
  /** When the first tombstone in it was made. */
  #tombstonedMs = Infinity;

  /** Whether `paint` has left something for the next time. */
  get isBehind(): boolean {
    return this.#linesOff > 0;
  }

  /** Something about the topic's producers has changed. */
  changed(topic: Topic): void {
    if (this.#changed.size >= MAX_CHANGED) this.stale();
    else this.#changed.add(topic);
  }

  /** All is to be painted anew. */
  stale(): void {
    this.#isStale = true;
    this.#changed.clear();
  }

  /** It stands otherwise with an nsqd: the rows of its topics, or all a little at each frame, are to be painted anew. */
  #recolour({ topics }: Peer): void {
    if (this.#changed.size + topics.size > MAX_CHANGED) this.shift();
    else for (const topic of topics) this.#changed.add(topic);
  }

  /** Rows that are thinner than a pixel have moved by less than one: all is to be painted anew, a little at each frame. */
  shift(): void {
    this.#linesOff = this.image.height;
  }

  /** Time has passed: tombstones may have ended. */
  tick(judge: Judge): void {
    if (this.#tombstonedMs < Infinity && !judge.isTombstoned(this.#tombstonedMs)) this.stale();
  }

  /** `rows`: where topics came or went. */
  async paint(picture: Picture, rows: readonly number[]): Promise<void> {
    const { layout, x, y, ratio, judge } = picture;
    const [width, height] = [Math.max(1, Math.round(x.room * ratio)), Math.max(1, Math.round(y.room * ratio))];
    if (this.image.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.#pixels = new Uint32Array(this.image.data.buffer);
      this.stale();
    }
    const states = Uint8Array.from(layout.columns, (peer) => STATES.indexOf(judge.ofPeer(peer)));
    if (states.length !== this.#states.length) this.stale();
    else if (!this.#isStale) {
      states.forEach((state, i) => state !== this.#states[i] && this.#recolour(layout.columns[i]!));
    }
    this.#states = states;
    const slices = new Slices();
    const brush = new Brush(picture, this.#pixels, width, states);
    if (this.#isStale) {
      this.#isStale = false;
      this.#linesOff = 0;
      this.#tombstonedMs = Infinity;
      for (let line = 0; line < height; line += BAND) {
        brush.paint(line, Math.min(height, line + BAND));
        if (slices.isOver) await slices.next();
      }
    } else {
      const touched = [...rows, ...[...this.#changed].map((topic) => layout.rowOf(topic))];
      this.#changed.clear();
      for (const row of new Set(touched)) if (row >= y.first && row < y.end) brush.paint(...brush.linesOf(row, height));
      for (; this.#linesOff > 0 && !slices.isOver; this.#linesOff -= BAND) {
        if (this.#nextOff >= height) this.#nextOff = 0;
        brush.paint(this.#nextOff, Math.min(height, this.#nextOff + BAND));
        this.#nextOff += BAND;
      }
    }
    this.#tombstonedMs = Math.min(this.#tombstonedMs, brush.tombstonedMs);
  }
}

/** Paints lines of pixels, whatever stood there. */
class Brush {
  /** When the first tombstone that it met was made. */
  tombstonedMs = Infinity;
  readonly #picture: Picture;
  readonly #pixels: Uint32Array;
  readonly #width: number;
  readonly #states: Uint8Array;
  readonly #inks: readonly number[];
  readonly #isDense: boolean;
  /** Before then a tombstone has ended. */
  readonly #endedMs: number;
  /** Where each column begins and ends. */
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;

  constructor(picture: Picture, pixels: Uint32Array, width: number, states: Uint8Array) {
    this.#picture = picture;
    this.#pixels = pixels;
    this.#width = width;
    this.#states = states;
    const { x, y, ratio, colours, judge } = picture;
    this.#isDense = x.size * ratio < 1 || y.size * ratio < 1;
    this.#inks = STATES.map((state) => toInk(colours[state]));
    this.#endedMs = judge.now() - judge.tombstoneLifetimeMs;
    const gap = this.#gap(x.size);
    const round = this.#isDense ? Math.floor : Math.round;
    const clip = (pixel: number, most: number) => Math.max(0, Math.min(most, pixel));
    this.#lefts = Int32Array.from(states, (_, i) => clip(round(x.toPixel(i) * ratio), width - 1));
    this.#rights = Int32Array.from(states, (_, i) =>
      i < x.first || i >= x.end ? 0 : clip(Math.max(this.#lefts[i]! + 1, round(x.toPixel(i + 1) * ratio) - gap), width),
    );
  }

  /** The lines of pixels that a row is drawn on. */
  linesOf(row: number, height: number): [number, number] {
    const from = Math.max(0, Math.floor(this.#picture.y.toPixel(row) * this.#picture.ratio) - 1);
    const to = Math.ceil(this.#picture.y.toPixel(row + 1) * this.#picture.ratio) + 1;
    return [Math.min(height, from), Math.min(height, to)];
  }

  paint(from: number, to: number): void {
    const { y, ratio, layout } = this.#picture;
    this.#pixels.fill(0, from * this.#width, to * this.#width);
    const first = Math.max(0, Math.floor((from / ratio + y.offset) / y.size) - 1);
    const end = Math.min(layout.rows.length, Math.ceil((to / ratio + y.offset) / y.size) + 1);
    if (this.#isDense) this.#paintDense(from, to, first, end);
    else this.#paintEach(from, to, first, end);
  }

  #paintEach(from: number, to: number, first: number, end: number): void {
    const { layout, x, y, ratio } = this.#picture;
    const pixels = this.#pixels;
    const width = this.#width;
    const gap = this.#gap(y.size);
    const edge = Math.max(1, Math.round(1.5 * ratio));
    const canHollow = Math.min(x.size, y.size) >= 7;
    const line = Math.min(x.size, y.size) >= MIN_GRID ? this.#emptyLine() : undefined;
    for (let row = first; row < end; row++) {
      const top = Math.round(y.toPixel(row) * ratio);
      const bottom = Math.max(top + 1, Math.round(y.toPixel(row + 1) * ratio) - gap);
      if (bottom <= from || top >= to) continue;
      if (line) for (let at = Math.max(from, top); at < Math.min(to, bottom); at++) pixels.set(line, at * width);
      for (const [peer, tombstonedAtMs] of layout.rows[row]!.producers) {
        const right = this.#rights[peer.column] ?? 0;
        if (right === 0) continue; // not seen
        const left = this.#lefts[peer.column]!;
        const state = this.#stateOf(peer, tombstonedAtMs);
        const ink = this.#inks[state]!;
        // Not by colour alone: a silent one is half, a tombstoned one an outline, one that is not back yet striped.
        const start = state === SILENT && canHollow ? (top + bottom) >> 1 : top;
        for (let line = Math.max(from, start); line < Math.min(to, bottom); line++) {
          if (state === RESTORED && canHollow && (line - top) % (2 * edge) >= edge) continue;
          const isEdge = state !== TOMBSTONED || !canHollow || line < top + edge || line >= bottom - edge;
          const at = line * width;
          if (isEdge) pixels.fill(ink, at + left, at + right);
          else {
            pixels.fill(ink, at + left, at + left + edge);
            pixels.fill(ink, at + right - edge, at + right);
          }
        }
      }
    }
  }

  /** Many cells a pixel: the worst of their states, the stronger the more there are. */
  #paintDense(from: number, to: number, first: number, end: number): void {
    const { layout, x, y, ratio, colours } = this.#picture;
    const width = this.#width;
    // A place for each column, or for each pixel if those are fewer.
    const isNarrow = this.#states.length > width;
    const places = isNarrow ? width : this.#states.length;
    const ranks = new Uint8Array(places * (to - from));
    const counts = new Uint32Array(ranks.length);
    for (let row = first; row < end; row++) {
      const top = Math.floor(y.toPixel(row) * ratio);
      const bottom = Math.min(to, Math.max(top + 1, Math.floor(y.toPixel(row + 1) * ratio)));
      if (bottom <= from || top >= to) continue;
      layout.rows[row]!.producers.forEach((tombstonedAtMs, peer) => {
        const { column } = peer;
        if (!this.#rights[column]) return; // not seen
        const rank = this.#stateOf(peer, tombstonedAtMs) + 1;
        const place = isNarrow ? this.#lefts[column]! : column;
        for (let line = Math.max(from, top) - from; line < bottom - from; line++) {
          const at = line * places + place;
          counts[at]!++;
          if (ranks[at]! < rank) ranks[at] = rank;
        }
      });
    }
    const perPlace = (isNarrow ? 1 / (x.size * ratio) : 1) * Math.max(1, 1 / (y.size * ratio));
    for (let line = 0; line < to - from; line++) {
      for (let place = 0; place < places; place++) {
        const at = line * places + place;
        if (ranks[at] === 0) continue;
        const strength = FAINTEST + (1 - FAINTEST) * Math.min(1, counts[at]! / perPlace);
        const start = (from + line) * width;
        const left = isNarrow ? place : this.#lefts[place]!;
        const right = isNarrow ? place + 1 : this.#rights[place]!;
        const ink = toInk(colours[STATES[ranks[at]! - 1]!], strength);
        for (let pixel = start + left; pixel < start + right; pixel++) this.#pixels[pixel] = ink;
      }
    }
  }

  /** Where there is no producer. */
  #emptyLine(): Uint32Array {
    const line = new Uint32Array(this.#width);
    const ink = toInk(this.#picture.colours.none);
    this.#rights.forEach((right, column) => line.fill(ink, this.#lefts[column], right));
    return line;
  }

  #stateOf(peer: Peer, tombstonedAtMs: number): number {
    if (tombstonedAtMs === 0 || tombstonedAtMs <= this.#endedMs) return this.#states[peer.column]!;
    if (tombstonedAtMs < this.tombstonedMs) this.tombstonedMs = tombstonedAtMs;
    return TOMBSTONED;
  }

  /** Between two cells. */
  #gap(size: number): number {
    return size > 4 ? Math.max(1, Math.round(Math.min(2, size / 8) * this.#picture.ratio)) : 0;
  }
}
