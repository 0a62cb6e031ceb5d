import { say } from './dom.js';
import { Layout, type Group } from './layout.js';
import type { Model, Peer, Topic } from './model.js';
import { paintCells, type Colour, type Colours } from './paint.js';
import { STATE_NAMES, STATES, type Judge } from './state.js';
import { Axis } from './view.js';

export interface MapOptions {
  readonly canvas: HTMLCanvasElement;
  readonly tip: HTMLElement;
  readonly judge: Judge;
  readonly onTopic: (topic: string) => void;
  readonly onPeer: (key: string) => void;
  readonly onLayout: (layout: Layout) => void;
}

const FLASH_MS = 1600;
const MAX_FLASHES = 200;
/** How often the order of things is looked at anew, at most. */
const LAYOUT_MS = 200;
const FONT = '12px system-ui, sans-serif';

/** Topics against nsqds: a cell for each producer. */
export class TopologyMap {
  readonly layout = new Layout();
  readonly #x = new Axis(30, 96);
  readonly #y = new Axis(22, 30);
  readonly #options: MapOptions;
  readonly #context: CanvasRenderingContext2D;
  readonly #flashes = new Map<string, { topic: Topic; peer: Peer; atMs: number }>();
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #model: Model | undefined;
  #query = '';
  #image: ImageData | undefined;
  #isFitted = true;
  #isDue = false;
  #isPainting = false;
  #again = false;
  #left = 0;
  #top = 0;
  #laidOutMs = 0;
  #cursor: { row: number; column: number } | undefined;
  #chosenTopic = '';
  #chosenPeer = '';

  constructor(options: MapOptions) {
    this.#options = options;
    this.#context = options.canvas.getContext('2d')!;
    new ResizeObserver(() => this.paint()).observe(options.canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
    this.#listen();
  }

  show(model: Model): void {
    this.#model = model;
    this.#flashes.clear();
    this.#laidOutMs = 0;
    this.paint();
  }

  search(query: string): void {
    this.#query = query.trim();
    this.#isFitted = true;
    this.#laidOutMs = 0;
    this.paint();
  }

  choose(topic: string, peerKey: string): void {
    this.#chosenTopic = topic;
    this.#chosenPeer = peerKey;
    this.paint();
  }

  flash(topic: Topic | undefined, peer: Peer | undefined): void {
    if (!topic || !peer || this.#calm.matches || this.#flashes.size >= MAX_FLASHES) return;
    this.#flashes.set(`${peer.key} ${topic.name}`, { topic, peer, atMs: performance.now() });
  }

  fit(): void {
    this.#isFitted = true;
    this.paint();
  }

  zoom(factor: number, atX = this.#x.room / 2, atY = this.#y.room / 2): void {
    this.#isFitted = false;
    this.#x.zoom(factor, atX);
    this.#y.zoom(factor, atY);
    if (this.#x.isWhole && this.#y.isWhole) this.#isFitted = true;
    this.paint();
  }

  /** Soon, and once for all who ask until then. */
  paint(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      if (this.#isPainting) this.#again = true;
      else void this.#paint();
    });
  }

  async #paint(): Promise<void> {
    const { canvas, judge } = this.#options;
    const ratio = Math.min(2, devicePixelRatio);
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!this.#model) return;
    this.#layOut(width, height);
    if (width === 0 || height === 0) return; // the tables are shown instead
    this.#isPainting = true;
    const x = Object.assign(new Axis(0, 0), this.#x);
    const y = Object.assign(new Axis(0, 0), this.#y);
    const [w, h] = [Math.max(1, Math.round(x.room * ratio)), Math.max(1, Math.round(y.room * ratio))];
    const image = this.#image?.width === w && this.#image.height === h ? this.#image : new ImageData(w, h);
    this.#image = image;
    const colours = readColours(canvas);
    await paintCells(image, { rows: this.layout.rows, x, y, ratio, colours, judge });
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const context = this.#context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.putImageData(image, Math.round(this.#left * ratio), Math.round(this.#top * ratio));
    this.#drawAround(width, height, x, y);
    this.#isPainting = false;
    const isMoving = this.#flashes.size > 0;
    if (this.#again || isMoving) {
      this.#again = false;
      this.paint();
    }
  }

  #layOut(width: number, height: number): void {
    const now = performance.now();
    const isNew = now - this.#laidOutMs >= LAYOUT_MS && this.layout.update(this.#model!, this.#query);
    if (isNew) this.#laidOutMs = now;
    else if (this.layout.isBehind(this.#model!)) setTimeout(() => this.paint(), LAYOUT_MS);
    const { rows, columns } = this.layout;
    this.#left = Math.round(Math.min(210, width * 0.34));
    this.#x.count = columns.length;
    this.#y.count = rows.length;
    this.#x.room = width - this.#left - 1;
    if (this.#isFitted) this.#x.fit();
    this.#x.clamp();
    this.#top = this.#x.size >= 80 ? 34 : this.#x.size >= 11 ? 118 : 30;
    this.#y.room = height - this.#top - 1;
    if (this.#isFitted) this.#y.fit();
    this.#y.clamp();
    if (isNew) this.#options.onLayout(this.layout);
  }

  #drawAround(width: number, height: number, x: Axis, y: Axis): void {
    const { canvas } = this.#options;
    const context = this.#context;
    const style = getComputedStyle(canvas);
    const [ink, soft, line, accent] = ['--ink', '--soft', '--line', '--accent'].map((name) =>
      style.getPropertyValue(name),
    );
    const { rows, columns, rowGroups, columnGroups } = this.layout;
    context.font = FONT;
    context.textBaseline = 'middle';
    context.lineWidth = 1;
    context.save();
    context.beginPath();
    context.rect(0, this.#top, width, height - this.#top);
    context.clip();
    context.strokeStyle = line!;
    const end = Math.min(width, this.#left + x.size * x.count);
    for (const group of rowGroups) this.#rule(group, y, (at) => [this.#left, this.#top + at, end, this.#top + at]);
    if (y.size >= 13)
      for (let row = y.first; row < y.end; row++) {
        const { name, producers } = rows[row]!;
        context.fillStyle = name === this.#chosenTopic ? accent! : producers.size === 0 ? soft! : ink!;
        this.#write(name, this.#left - 10, this.#top + y.toPixel(row) + y.size / 2, this.#left - 16, 'right');
      }
    else {
      context.fillStyle = soft!;
      let last = -Infinity;
      for (const { label, start, end } of rowGroups) {
        const among = (Math.max(0, y.toPixel(start)) + Math.min(y.room, y.toPixel(end))) / 2;
        const middle = this.#top + Math.max(8, Math.min(y.room - 8, among));
        if (middle < last + 15 || y.toPixel(end) < 0 || y.toPixel(start) > y.room) continue;
        const count = end - start;
        this.#write(count > 1 ? `${label} · ${count}` : label, this.#left - 10, middle, this.#left - 16, 'right');
        last = middle;
      }
    }
    context.restore();
    context.save();
    context.beginPath();
    context.rect(this.#left, 0, width - this.#left, height);
    context.clip();
    const bottom = Math.min(height, this.#top + y.size * y.count);
    for (const group of columnGroups) this.#rule(group, x, (at) => [this.#left + at, 16, this.#left + at, bottom]);
    context.fillStyle = soft!;
    let lastEnd = -Infinity;
    for (const { label, start, end } of columnGroups) {
      const from = Math.max(0, x.toPixel(start));
      const room = Math.min(x.room, x.toPixel(end)) - from - 6;
      if (label === '' || room < 14 || this.#left + from < lastEnd) continue;
      lastEnd = this.#left + from + this.#write(label, this.#left + from + 3, 8, room, 'left');
    }
    if (x.size >= 11)
      for (let column = x.first; column < x.end; column++) {
        const { name, key } = columns[column]!;
        context.fillStyle = key === this.#chosenPeer ? accent! : ink!;
        const at = this.#left + x.toPixel(column) + x.size / 2;
        if (x.size >= 80) this.#write(name, at, this.#top - 10, x.size - 4, 'center');
        else {
          context.save();
          context.translate(at, this.#top - 7);
          context.rotate(-Math.PI / 2);
          this.#write(name, 0, 0, this.#top - 26, 'left');
          context.restore();
        }
      }
    context.beginPath();
    context.rect(this.#left, this.#top, width, height);
    context.clip();
    this.#drawMarks(x, y, ink!, accent!);
    context.restore();
  }

  /** What is chosen, pointed at by keys, or has just changed. */
  #drawMarks(x: Axis, y: Axis, ink: string, accent: string): void {
    const context = this.#context;
    const { rows, columns } = this.layout;
    const left = (column: number) => this.#left + x.toPixel(column);
    const top = (row: number) => this.#top + y.toPixel(row);
    context.strokeStyle = accent;
    const chosenRow = rows[this.#model?.topics.get(this.#chosenTopic)?.row ?? -1]?.row ?? -1;
    const chosenColumn = columns[this.#model?.peers.get(this.#chosenPeer)?.column ?? -1]?.column ?? -1;
    if (chosenRow >= 0) context.strokeRect(left(0) + 0.5, top(chosenRow) - 0.5, x.size * x.count, Math.max(2, y.size));
    if (chosenColumn >= 0)
      context.strokeRect(left(chosenColumn) - 0.5, top(0) + 0.5, Math.max(2, x.size), y.size * y.count);
    const now = performance.now();
    context.lineWidth = 2;
    for (const [key, { topic, peer, atMs }] of this.#flashes) {
      const age = (now - atMs) / FLASH_MS;
      if (age >= 1 || topic.row < 0 || peer.column < 0) this.#flashes.delete(key);
      else {
        const grow = 2 + 4 * (1 - age);
        context.globalAlpha = 1 - age;
        context.strokeRect(
          left(peer.column) - grow,
          top(topic.row) - grow,
          Math.max(2, x.size - 1) + 2 * grow,
          Math.max(2, y.size - 1) + 2 * grow,
        );
      }
    }
    context.globalAlpha = 1;
    if (!this.#cursor || document.activeElement !== this.#options.canvas) return;
    context.strokeStyle = ink;
    const { row, column } = this.#cursor;
    context.strokeRect(left(column) - 1, top(row) - 1, Math.max(3, x.size), Math.max(3, y.size));
  }

  #rule(group: Group, axis: Axis, toLine: (at: number) => readonly [number, number, number, number]): void {
    const at = Math.round(axis.toPixel(group.start)) - 0.5;
    if (group.start === 0 || at < 0 || at > axis.room || (group.end - group.start) * axis.size < 10) return;
    const [x1, y1, x2, y2] = toLine(at);
    this.#context.beginPath();
    this.#context.moveTo(x1, y1);
    this.#context.lineTo(x2, y2);
    this.#context.strokeStyle = getComputedStyle(this.#options.canvas).getPropertyValue('--line');
    this.#context.stroke();
  }

  /** As much of it as there is room for; answers how wide it was. */
  #write(text: string, x: number, y: number, room: number, align: CanvasTextAlign): number {
    const context = this.#context;
    context.textAlign = align;
    // No name is longer than that to be read, however long it is.
    let shown = text.length > 80 ? `${text.slice(0, 80)}…` : text;
    while (shown.length > 1 && context.measureText(shown).width > room)
      shown = `${shown.slice(0, Math.min(shown.length - 2, Math.ceil(shown.length * 0.85)))}…`;
    if (shown === '…') return 0;
    context.fillText(shown, x, y);
    return context.measureText(shown).width;
  }

  #at(event: MouseEvent) {
    const box = this.#options.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - this.#left, event.clientY - box.top - this.#top];
    return { x, y, row: this.#y.at(y), column: this.#x.at(x) };
  }

  #listen(): void {
    const { canvas, tip, onTopic, onPeer } = this.#options;
    let drag: { x: number; y: number; isMoved: boolean } | undefined;
    canvas.addEventListener('pointerdown', (event) => {
      drag = { x: event.clientX, y: event.clientY, isMoved: false };
    });
    canvas.addEventListener('pointermove', (event) => {
      if (drag && event.buttons > 0) {
        const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
        if (!drag.isMoved && Math.hypot(dx, dy) < 4) return;
        if (!drag.isMoved) canvas.setPointerCapture(event.pointerId);
        this.#x.pan(-dx);
        this.#y.pan(-dy);
        drag = { x: event.clientX, y: event.clientY, isMoved: true };
        tip.hidden = true;
        this.paint();
      } else this.#hover(event);
    });
    canvas.addEventListener('pointerleave', () => (tip.hidden = true));
    canvas.addEventListener('pointercancel', () => (drag = undefined));
    canvas.addEventListener('click', (event) => {
      const isDrag = drag?.isMoved === true;
      drag = undefined;
      if (isDrag) return;
      const { x, y, row, column } = this.#at(event);
      const topic = this.layout.rows[row];
      const peer = this.layout.columns[column];
      if (y < 0 && peer) onPeer(peer.key);
      else if (x < 0 && topic && this.#y.size < 13) this.#openGroup(row);
      else if (topic) onTopic(topic.name);
    });
    canvas.addEventListener(
      'wheel',
      (event) => {
        const isWhole = this.#x.isWhole && this.#y.isWhole;
        if (isWhole && event.deltaY > 0 && !event.ctrlKey) return; // the page scrolls
        event.preventDefault();
        const { x, y } = this.#at(event);
        this.zoom(Math.exp(-Math.max(-240, Math.min(240, event.deltaY)) / 300), Math.max(0, x), Math.max(0, y));
      },
      { passive: false },
    );
    canvas.addEventListener('keydown', (event) => this.#onKey(event));
    for (const name of ['focus', 'blur']) canvas.addEventListener(name, () => this.paint());
  }

  #openGroup(row: number): void {
    const group = this.layout.rowGroups.find(({ start, end }) => row >= start && row < end);
    if (!group) return;
    this.#isFitted = false;
    this.#y.showAll(group.start, group.end);
    this.paint();
  }

  #hover(event: MouseEvent): void {
    const { canvas, tip } = this.#options;
    const { row, column } = this.#at(event);
    const text = this.#describe(row, column);
    tip.hidden = text === '';
    if (text === '') return;
    tip.textContent = text;
    const box = canvas.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 4)}px`;
    tip.style.top = `${Math.min(event.clientY - box.top + 16, box.height - tip.offsetHeight - 4)}px`;
  }

  #describe(row: number, column: number): string {
    const topic = this.layout.rows[row];
    const peer = this.layout.columns[column];
    if (!topic || !peer) return topic?.name ?? peer?.name ?? '';
    const at = topic.producers.get(peer);
    const state = at === undefined ? 'not a producer' : STATE_NAMES[this.#options.judge.of(peer, at)];
    return `${topic.name} at ${peer.name}: ${state}`;
  }

  #onKey(event: KeyboardEvent): void {
    const { rows, columns } = this.layout;
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-20, 0],
      PageDown: [20, 0],
      Home: [-Infinity, 0],
      End: [Infinity, 0],
    };
    const move = moves[event.key];
    const { row, column } = this.#cursor ?? { row: -1, column: 0 };
    if (move && rows.length > 0 && columns.length > 0) {
      const clamp = (value: number, count: number) => Math.max(0, Math.min(count - 1, value));
      this.#cursor = { row: clamp(row + move[0], rows.length), column: clamp(column + move[1], columns.length) };
      this.#x.show(this.#cursor.column);
      this.#y.show(this.#cursor.row);
      say(this.#describe(this.#cursor.row, this.#cursor.column));
      this.paint();
    } else if (event.key === 'Enter' && rows[row] && columns[column]) {
      if (event.shiftKey) this.#options.onPeer(columns[column].key);
      else this.#options.onTopic(rows[row].name);
    } else if (event.key === '+' || event.key === '=') this.zoom(1.5);
    else if (event.key === '-') this.zoom(1 / 1.5);
    else if (event.key === '0') this.fit();
    else return;
    event.preventDefault();
  }
}

/** As the style sheet has them, light or dark. */
function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const read = (name: string): Colour => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Colour;
  };
  const states = STATES.map((state) => [state, read(`--${state}`)] as const);
  return { ...Object.fromEntries(states), ground: read('--ground') } as Colours;
}
