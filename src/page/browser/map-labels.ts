import type { Layout } from './layout.js';
import { toShown } from './shown.js';
import type { MapView } from './map-view.js';

/** Pixels, where the page's text has its usual size. */
const FONT_PX = 12;

export interface Inks {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
}

export interface Labels {
  readonly context: CanvasRenderingContext2D;
  readonly view: MapView;
  readonly layout: Layout;
  readonly inks: Inks;
  readonly chosenTopic: string;
  readonly chosenPeer: string;
}

/** The names beside and above the cells, and the lines between groups. */
export function drawLabels(labels: Labels): void {
  const { context, view } = labels;
  context.font = `${FONT_PX * view.scale}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  context.lineWidth = 1;
  within(context, [0, view.top, view.width, view.height - view.top], () => {
    drawRowGroups(labels);
    if (view.hasRowNames) drawRowNames(labels);
  });
  within(context, [view.left, 0, view.width - view.left, view.height], () => {
    drawColumnGroups(labels);
    if (view.columnNames !== 'none') drawColumnNames(labels);
  });
}

export function within(
  context: CanvasRenderingContext2D,
  box: readonly [number, number, number, number],
  draw: () => void,
): void {
  context.save();
  context.beginPath();
  context.rect(...box);
  context.clip();
  draw();
  context.restore();
}

function drawRowGroups({ context, view, layout, inks }: Labels): void {
  const { y, left, top } = view;
  const right = Math.min(view.width, left + view.x.size * view.x.count);
  context.strokeStyle = inks.line;
  context.fillStyle = inks.soft;
  let start = 0;
  let last = -Infinity;
  for (const { label, count } of layout.rowGroups) {
    const [from, to] = [y.toPixel(start), y.toPixel(start + count)];
    start += count;
    if (to < 0) continue;
    if (from > y.room) break;
    if (from > 0 && to - from >= 10) rule(context, left, right, top + from, false);
    if (view.hasRowNames) continue; // each row has its name
    const among = (Math.max(0, from) + Math.min(y.room, to)) / 2;
    const middle = top + Math.max(8, Math.min(y.room - 8, among));
    if (middle < last + 15 * view.scale) continue;
    write(context, count > 1 ? `${label} · ${count}` : label, left - 10, middle, left - 16, 'right');
    last = middle;
  }
}

function drawRowNames({ context, view, layout, inks, chosenTopic }: Labels): void {
  const { y, left, top } = view;
  for (let row = y.first; row < y.end; row++) {
    const { name, producers } = layout.rows[row]!;
    context.fillStyle = name === chosenTopic ? inks.accent : producers.size === 0 ? inks.soft : inks.ink;
    write(context, name, left - 10, top + y.toPixel(row) + y.size / 2, left - 16, 'right');
  }
}

function drawColumnGroups({ context, view, layout, inks }: Labels): void {
  const { x, left, top } = view;
  const bottom = Math.min(view.height, top + view.y.size * view.y.count);
  context.strokeStyle = inks.line;
  context.fillStyle = inks.soft;
  let start = 0;
  let last = -Infinity;
  for (const { label, count } of layout.columnGroups) {
    const [from, to] = [x.toPixel(start), x.toPixel(start + count)];
    start += count;
    if (to < 0) continue;
    if (from > x.room) break;
    if (from > 0 && to - from >= 10) rule(context, 16 * view.scale, bottom, left + from, true);
    const at = Math.max(0, from);
    const wide = Math.min(x.room, to) - at - 6;
    if (label === '' || wide < 14 || left + at < last) continue;
    last = left + at + write(context, label, left + at + 3, 8 * view.scale, wide, 'left');
  }
}

function drawColumnNames({ context, view, layout, inks, chosenPeer }: Labels): void {
  const { x, left, top } = view;
  for (let column = x.first; column < x.end; column++) {
    const { name: whole } = layout.columns[column]!;
    const name = whole.slice(0, whole.length - layout.columnEnd);
    context.fillStyle = whole === chosenPeer ? inks.accent : inks.ink;
    const at = left + x.toPixel(column) + x.size / 2;
    if (view.columnNames === 'lying') write(context, name, at, top - 10 * view.scale, x.size - 4, 'center');
    else {
      context.save();
      context.translate(at, top - 7);
      context.rotate(-Math.PI / 2);
      write(context, name, 0, 0, top - 26 * view.scale, 'left');
      context.restore();
    }
  }
}

/** A line between two groups. */
function rule(context: CanvasRenderingContext2D, from: number, to: number, across: number, isUpright: boolean): void {
  const at = Math.round(across) - 0.5;
  context.beginPath();
  if (isUpright) {
    context.moveTo(at, from);
    context.lineTo(at, to);
  } else {
    context.moveTo(from, at);
    context.lineTo(to, at);
  }
  context.stroke();
}

/** As much of it as there is room for; answers how wide it was. */
function write(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  align: CanvasTextAlign,
): number {
  context.textAlign = align;
  let shown = toShown(text, 80);
  while (shown.length > 1 && context.measureText(shown).width > room)
    shown = `${shown.slice(0, Math.min(shown.length - 2, Math.ceil(shown.length * 0.85)))}…`;
  if (shown === '…') return 0;
  context.fillText(shown, x, y);
  return context.measureText(shown).width;
}
