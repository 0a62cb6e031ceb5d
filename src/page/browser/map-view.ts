import type { Layout } from './layout.js';
import { Axis } from './view.js';

/** How much stands above the cells. */
const TOPS = { lying: 34, standing: 118, none: 30 };

/** What of the map is seen, and where: cells right of the topics' names and below the nsqds'. */
export class MapView {
  readonly x: Axis;
  readonly y: Axis;
  width = 0;
  height = 0;
  /** Where the cells begin. */
  left = 0;
  top = 0;
  /** How large the page's text is, against what is usual. */
  scale = 1;
  /** Whether all is shown, however much it becomes. */
  isFitted = true;

  constructor(x = new Axis(34, 128), y = new Axis(28, 40)) {
    this.x = x;
    this.y = y;
  }

  /** Whether rows are high enough for their names to be read. */
  get hasRowNames(): boolean {
    return this.y.size >= 13 * this.scale;
  }

  /** The nsqds' names lie where there is room, stand where there is some, and are left out where there is none. */
  get columnNames(): keyof typeof TOPS {
    return this.x.size >= 80 * this.scale ? 'lying' : this.x.size >= 11 * this.scale ? 'standing' : 'none';
  }

  get isWhole(): boolean {
    return this.x.isWhole && this.y.isWhole;
  }

  /** As it is now, for what takes some time. */
  copy(): MapView {
    const axes = [this.x, this.y].map((axis) => Object.assign(new Axis(0, 0), axis)) as [Axis, Axis];
    return Object.assign(new MapView(), this, { x: axes[0], y: axes[1] });
  }

  /** Whether all is where it was in `other`. */
  equals({ x, y, left, top, width, height }: MapView): boolean {
    const isSame = left === this.left && top === this.top && width === this.width && height === this.height;
    return isSame && this.x.equals(x) && this.y.equals(y);
  }

  /** Whether all is less than a pixel from where it was in `other`, and its rows are thinner than one. */
  isNear({ x, y, left, top, width, height }: MapView): boolean {
    const isSame = left === this.left && top === this.top && width === this.width && height === this.height;
    const movedBy = Math.abs(y.size - this.y.size) * y.count + Math.abs(y.offset - this.y.offset);
    return isSame && this.x.equals(x) && y.size < 1 && movedBy < 1;
  }

  resize(width: number, height: number, { rows, columns }: Layout, scale: number): void {
    this.scale = scale;
    this.width = width;
    this.height = height;
    this.left = Math.round(Math.min(210 * scale, width * 0.34));
    this.x.count = columns.length;
    this.y.count = rows.length;
    this.x.room = width - this.left - 1;
    if (this.isFitted) this.x.fit();
    this.x.clamp();
    this.top = Math.round(TOPS[this.columnNames] * scale);
    this.y.room = height - this.top - 1;
    if (this.isFitted) this.y.fit();
    this.y.clamp();
  }

  zoom(factor: number, atX = this.x.room / 2, atY = this.y.room / 2): void {
    this.isFitted = false;
    this.x.zoom(factor, atX);
    this.y.zoom(factor, atY);
    if (this.isWhole) this.isFitted = true;
  }

  pan(x: number, y: number): void {
    this.x.pan(x);
    this.y.pan(y);
  }

  show(row: number, column: number): void {
    this.x.show(column);
    this.y.show(row);
  }

  showRows(start: number, end: number): void {
    this.isFitted = false;
    this.y.showAll(start, end);
  }

  /** What is at a pixel of the canvas; row and column are -1 for none. */
  at(canvasX: number, canvasY: number) {
    const [x, y] = [canvasX - this.left, canvasY - this.top];
    return { x, y, row: this.y.at(y), column: this.x.at(x) };
  }
}
