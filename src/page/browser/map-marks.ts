import type { Layout } from './layout.js';
import type { Model, Peer, Topic } from './model.js';
import { within, type Inks } from './map-labels.js';
import type { MapView } from './map-view.js';

const FLASH_MS = 1600;
const MAX_FLASHES = 200;

export interface Place {
  readonly row: number;
  readonly column: number;
}

interface Drawing {
  readonly context: CanvasRenderingContext2D;
  readonly view: MapView;
  readonly layout: Layout;
  readonly inks: Inks;
  readonly model: Model;
  /** What the keys point at, if they do. */
  readonly cursor: Place | undefined;
}

/** What is drawn over the cells: what is chosen, pointed at by keys, or has just changed. */
export class Marks {
  chosenTopic = '';
  /** By its name, as the other. */
  chosenPeer = '';
  readonly #flashes = new Map<string, { readonly topic: Topic; readonly peer: Peer; readonly atMs: number }>();
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');

  get isMoving(): boolean {
    return this.#flashes.size > 0;
  }

  flash(topic: Topic, peer: Peer): void {
    if (this.#calm.matches || this.#flashes.size >= MAX_FLASHES) return;
    this.#flashes.set(`${peer.key} ${topic.name}`, { topic, peer, atMs: performance.now() });
  }

  clear(): void {
    this.#flashes.clear();
  }

  draw(drawing: Drawing): void {
    const { context, view } = drawing;
    within(context, [view.left, view.top, view.width, view.height], () => {
      this.#drawChosen(drawing);
      context.lineWidth = 2;
      this.#drawFlashes(drawing);
      if (!drawing.cursor) return;
      context.strokeStyle = drawing.inks.ink;
      const { row, column } = drawing.cursor;
      const [left, top, width, height] = cellAt(view, row, column);
      context.strokeRect(left - 1, top - 1, Math.max(3, width), Math.max(3, height));
    });
  }

  #drawChosen({ context, view, layout, inks, model }: Drawing): void {
    const { x, y } = view;
    context.strokeStyle = inks.accent;
    const row = layout.rowOf(model.topics.get(this.chosenTopic));
    const column = (this.chosenPeer === '' ? undefined : model.peerNamed(this.chosenPeer))?.column ?? -1;
    if (row >= 0) {
      const [left, top] = cellAt(view, row, 0);
      context.strokeRect(left + 0.5, top - 0.5, x.size * x.count, Math.max(2, y.size));
    }
    if (column >= 0) {
      const [left, top] = cellAt(view, 0, column);
      context.strokeRect(left - 0.5, top + 0.5, Math.max(2, x.size), y.size * y.count);
    }
  }

  #drawFlashes({ context, view, layout, inks }: Drawing): void {
    context.strokeStyle = inks.accent;
    const now = performance.now();
    for (const [key, { topic, peer, atMs }] of this.#flashes) {
      const age = (now - atMs) / FLASH_MS;
      const row = layout.rowOf(topic);
      if (age >= 1 || row < 0 || peer.column < 0) this.#flashes.delete(key);
      else {
        const grow = 2 + 4 * (1 - age);
        const [left, top, width, height] = cellAt(view, row, peer.column);
        context.globalAlpha = 1 - age;
        const [wide, high] = [Math.max(2, width - 1), Math.max(2, height - 1)];
        context.strokeRect(left - grow, top - grow, wide + 2 * grow, high + 2 * grow);
      }
    }
    context.globalAlpha = 1;
  }
}

function cellAt({ x, y, left, top }: MapView, row: number, column: number): [number, number, number, number] {
  return [left + x.toPixel(column), top + y.toPixel(row), x.size, y.size];
}
