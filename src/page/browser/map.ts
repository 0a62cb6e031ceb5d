import { Cells } from './cells.js';
import { readColours } from './colours.js';
import { say } from './dom.js';
import { Layout } from './layout.js';
import { listenToMap } from './map-input.js';
import { drawLabels, type Inks } from './map-labels.js';
import { Marks, type Place } from './map-marks.js';
import { MapView } from './map-view.js';
import type { Model, Peer, Topic } from './model.js';
import { toShown } from './shown.js';
import { STATE_NAMES, type Judge } from './state.js';

export interface MapOptions {
  readonly canvas: HTMLCanvasElement;
  readonly tip: HTMLElement;
  readonly judge: Judge;
  readonly onTopic: (topic: string) => void;
  readonly onPeer: (peer: Peer) => void;
  readonly onLayout: (layout: Layout) => void;
}

/** Of the page's text. */
const USUAL_PX = 14;
const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  PageUp: [-20, 0],
  PageDown: [20, 0],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
};

/** Topics against nsqds: a cell for each producer. */
export class TopologyMap {
  readonly layout = new Layout();
  readonly #view = new MapView();
  readonly #cells = new Cells();
  readonly #marks = new Marks();
  readonly #options: MapOptions;
  readonly #context: CanvasRenderingContext2D;
  readonly #style: CSSStyleDeclaration;
  #model: Model | undefined;
  /** As it was painted last. */
  #painted = new MapView();
  #ratio = 1;
  #isDue = false;
  #isPainting = false;
  #again = false;
  #cursor: Place | undefined;

  constructor(options: MapOptions) {
    const { canvas, tip } = options;
    this.#options = options;
    this.#context = canvas.getContext('2d')!;
    this.#style = getComputedStyle(canvas);
    new ResizeObserver(() => this.paint()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#cells.stale();
      this.paint();
    });
    listenToMap({
      ...{ canvas, tip, view: this.#view },
      describe: (place) => this.#describe(place),
      onMove: () => this.paint(),
      onClick: (at) => this.#onClick(at),
      onKey: (event) => this.#onKey(event),
    });
  }

  show(model: Model): void {
    this.#model = model;
    this.#marks.clear();
    this.#cells.stale();
    this.paint();
  }

  /** More of the model is there. */
  grow(): void {
    this.paint();
  }

  /** What a change was about has changed. */
  changed(topic: Topic | undefined, peer: Peer | undefined): void {
    if (topic) this.#cells.changed(topic);
    if (topic && peer) this.#marks.flash(topic, peer);
    this.paint();
  }

  /** For what time alone changes. */
  tick(): void {
    this.#cells.tick(this.#options.judge);
    this.paint();
  }

  search(query: string): void {
    this.layout.query = query.trim();
    this.fit();
  }

  choose(topic: string, peer: string): void {
    this.#marks.chosenTopic = topic;
    this.#marks.chosenPeer = peer;
    this.paint();
  }

  fit(): void {
    this.#view.isFitted = true;
    this.paint();
  }

  zoom(factor: number): void {
    this.#view.zoom(factor);
    this.paint();
  }

  /** Soon, and once for all who ask until then. */
  paint(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (this.#isPainting) this.#again = true;
      else void this.#paintAll();
    });
  }

  async #paintAll(): Promise<void> {
    this.#isPainting = true;
    const model = this.#model;
    if (model) {
      const { layout } = this;
      const move = await layout.update(model);
      if (move === 'all') this.#cells.stale();
      if (move !== 'none') this.#options.onLayout(layout);
      const { clientWidth: width, clientHeight: height } = this.#options.canvas;
      // Else the tables are shown instead.
      if (width > 0 && height > 0) await this.#draw(model, width, height, typeof move === 'string' ? [] : move);
      if (move === 'all') layout.rest();
      if (layout.isBehind(model)) setTimeout(() => this.paint(), layout.restMs);
    }
    this.#isPainting = false;
    if (this.#again || this.#marks.isMoving || this.#cells.isBehind) this.paint();
    this.#again = false;
  }

  async #draw(model: Model, width: number, height: number, rows: readonly number[]): Promise<void> {
    const { canvas, judge } = this.#options;
    const { layout } = this;
    const context = this.#context;
    const ratio = Math.min(2, devicePixelRatio);
    this.#view.resize(width, height, layout, parseFloat(this.#style.fontSize) / USUAL_PX);
    const view = this.#view.copy();
    const isSame = ratio === this.#ratio && rows.length === 0 && view.equals(this.#painted);
    if (!isSame && ratio === this.#ratio && view.isNear(this.#painted)) this.#cells.shift();
    else if (!isSame) this.#cells.stale();
    [this.#painted, this.#ratio] = [view, ratio];
    const { x, y } = view;
    await this.#cells.paint({ layout, x, y, ratio, colours: readColours(this.#style), judge }, rows);
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.putImageData(this.#cells.image, Math.round(view.left * ratio), Math.round(view.top * ratio));
    const inks = readInks(this.#style);
    const { chosenTopic, chosenPeer } = this.#marks;
    drawLabels({ context, view, layout, inks, chosenTopic, chosenPeer });
    const cursor = document.activeElement === canvas ? this.#cursor : undefined;
    this.#marks.draw({ context, view, layout, inks, model, cursor });
  }

  #onClick({ x, y, row, column }: ReturnType<MapView['at']>): void {
    const { onTopic, onPeer } = this.#options;
    const topic = this.layout.rows[row];
    const peer = this.layout.columns[column];
    if (y < 0 && peer) onPeer(peer);
    else if (x < 0 && topic && !this.#view.hasRowNames) this.#openGroup(row);
    else if (topic) onTopic(topic.name);
  }

  #openGroup(row: number): void {
    let start = 0;
    for (const { count } of this.layout.rowGroups) {
      if (row < start + count) {
        this.#view.showRows(start, start + count);
        return this.paint();
      }
      start += count;
    }
  }

  #describe({ row, column }: Place): string {
    const topic = this.layout.rows[row];
    const peer = this.layout.columns[column];
    if (!topic || !peer) return toShown(topic?.name ?? peer?.name ?? '');
    const at = topic.producers.get(peer);
    const state = at === undefined ? 'not a producer' : STATE_NAMES[this.#options.judge.of(peer, at)];
    return `${topic.name} at ${toShown(peer.name)}: ${state}`;
  }

  #onKey({ key, shiftKey }: KeyboardEvent): boolean {
    const { rows, columns } = this.layout;
    const move = MOVES[key];
    const { row, column } = this.#cursor ?? { row: -1, column: 0 };
    if (move && rows.length > 0 && columns.length > 0) {
      const clamp = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
      this.#cursor = { row: clamp(row + move[0], rows.length), column: clamp(column + move[1], columns.length) };
      this.#view.show(this.#cursor.row, this.#cursor.column);
      say(this.#describe(this.#cursor));
      this.paint();
    } else if (key === 'Enter' && rows[row] && columns[column]) {
      if (shiftKey) this.#options.onPeer(columns[column]);
      else this.#options.onTopic(rows[row].name);
    } else if (key === '+' || key === '=') this.zoom(1.5);
    else if (key === '-') this.zoom(1 / 1.5);
    else if (key === '0') this.fit();
    else return false;
    return true;
  }
}

function readInks(style: CSSStyleDeclaration): Inks {
  const read = (name: string) => style.getPropertyValue(name);
  return { ink: read('--ink'), soft: read('--soft'), line: read('--line'), accent: read('--accent') };
}
