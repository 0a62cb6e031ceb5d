import { byId, fill, formatTime, h, plural, setText } from './dom.js';
import type { ChangeJson } from './watch-json.js';
import { KINDS, kindOf, signOf } from './words.js';

/** What happened; a note is the page's own. */
export interface Entry {
  /** When the page heard of it; 0 for before it was open. */
  readonly atMs: number;
  readonly text: string;
  readonly change?: ChangeJson;
}

/** The most that is remembered while nobody goes back. */
const MAX_ENTRIES = 5000;
/** The most that is remembered while somebody does: as much as a feed keeps, and then some. */
const MAX_GONE_BACK = 120_000;
/** How many are shown, at first and more each time. */
const STEP = 200;
/** It is drawn anew at most so often. */
const REDRAW_MS = 60;

const ALL = 'all changes';

export interface TimelineOptions {
  /** The changes before that one, the latest last; undefined where they are not to be had. */
  readonly readEarlier: (before: ChangeJson | undefined) => Promise<Entry[] | undefined>;
  readonly onOpen: (change: ChangeJson) => void;
}

/** The changes, the latest first. */
export class Timeline {
  readonly #options: TimelineOptions;
  readonly #list = h('ul', { class: 'list' });
  readonly #pause = h('button', { 'aria-pressed': 'false', click: () => this.#toggle() }, 'Pause');
  readonly #filter = h('input', {
    type: 'search',
    placeholder: 'Filter',
    'aria-label': 'Filter changes',
    input: () => this.#filtered(),
  });
  readonly #kind = h('select', { 'aria-label': 'Kind of change', change: () => this.#filtered() });
  readonly #earlier = h('button', { click: () => void this.#goBack() }, 'Earlier changes');
  readonly #latest = h('button', { hidden: true, click: () => this.#goForward() }, 'Back to the latest');
  readonly #status = h('p', { class: 'soft', role: 'status' });
  readonly #items = new WeakMap<Entry, HTMLElement>();
  /** The latest last. */
  #entries: Entry[] = [];
  #shown = STEP;
  /** While it is paused: the last that is shown. */
  #pausedAt: Entry | undefined;
  #isPaused = false;
  #waiting = 0;
  #isDue = false;
  #drawnMs = 0;
  #told = '';

  constructor(options: TimelineOptions) {
    this.#options = options;
    fill(this.#kind, ...[ALL, ...KINDS].map((name) => h('option', {}, name)));
    const tools = h('div', { class: 'tools' }, this.#filter, this.#kind, this.#pause);
    const ways = h('div', { class: 'tools' }, this.#earlier, this.#latest);
    fill(byId('changes'), h('h2', { class: 'unseen' }, 'Changes'), tools, this.#status, this.#list, ways);
    this.#redraw();
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    const most = this.#latest.hidden ? MAX_ENTRIES : MAX_GONE_BACK;
    if (this.#entries.length > most * 1.2) this.#entries = this.#entries.slice(-most);
    if (this.#isPaused) this.#waiting++;
    this.#redrawLater();
  }

  /** What changed lately that passes. */
  latest(passes: (change: ChangeJson) => boolean, most: number): Entry[] {
    const found: Entry[] = [];
    const end = Math.max(0, this.#entries.length - MAX_ENTRIES);
    for (let i = this.#entries.length - 1; i >= end && found.length < most; i--) {
      const entry = this.#entries[i]!;
      if (entry.change && passes(entry.change)) found.push(entry);
    }
    return found;
  }

  toItem({ atMs, change, text }: Entry): HTMLElement {
    const time = atMs === 0 ? h('time', {}, 'earlier') : h('time', {}, formatTime(atMs));
    if (!change) return h('li', { class: 'note' }, time, h('span', {}, text));
    return h(
      'li',
      { class: signOf(change) },
      time,
      h('button', { class: 'link', click: () => this.#options.onOpen(change) }, text),
    );
  }

  #itemOf(entry: Entry): HTMLElement {
    const item = this.#items.get(entry) ?? this.toItem(entry);
    this.#items.set(entry, item);
    return item;
  }

  #toggle(): void {
    this.#isPaused = !this.#isPaused;
    this.#pausedAt = this.#entries.at(-1);
    this.#waiting = 0;
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused));
    this.#pause.textContent = this.#isPaused ? 'Go on' : 'Pause';
    this.#redraw();
  }

  #filtered(): void {
    this.#shown = STEP;
    this.#redraw();
  }

  /** A few times a second at most. */
  #redrawLater(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const draw = () => {
      this.#isDue = false;
      this.#drawnMs = performance.now();
      if (this.#isPaused) this.#tell();
      else this.#redraw();
    };
    setTimeout(draw, this.#drawnMs + REDRAW_MS - performance.now());
  }

  #tell(): void {
    const paused = `Paused${this.#waiting > 0 ? `; ${plural(this.#waiting, 'change')} since` : ''}.`;
    const none = this.#entries.length === 0 ? 'Nothing has changed since this page was opened.' : '';
    setText(this.#status, this.#isPaused ? paused : this.#told || none);
  }

  #redraw(): void {
    this.#tell();
    const text = this.#filter.value.toLowerCase();
    const kind = this.#kind.value;
    const found: Entry[] = [];
    const last = this.#isPaused ? this.#entries.lastIndexOf(this.#pausedAt!) : this.#entries.length - 1;
    for (let i = last; i >= 0 && found.length < this.#shown; i--) {
      const entry = this.#entries[i]!;
      if (kind !== ALL && (!entry.change || kindOf(entry.change) !== kind)) continue;
      if (text === '' || entry.text.toLowerCase().includes(text)) found.push(entry);
    }
    fill(this.#list, ...found.map((entry) => this.#itemOf(entry)));
  }

  /** More of what is known, and then what the server still has from before. */
  async #goBack(): Promise<void> {
    this.#shown += STEP;
    this.#latest.hidden = false;
    this.#told = '';
    if (this.#shown - STEP < this.#entries.length && this.#list.childElementCount === this.#shown - STEP)
      return this.#redraw();
    this.#earlier.disabled = true;
    const first = this.#entries.find(({ change }) => change && change.revision > 0)?.change;
    const earlier = await this.#options.readEarlier(first);
    this.#earlier.disabled = false;
    this.#told = !earlier
      ? 'Earlier changes cannot be had now.'
      : earlier.length === 0
        ? 'There are no earlier changes.'
        : '';
    this.#entries = [...(earlier ?? []), ...this.#entries].slice(-MAX_GONE_BACK);
    this.#redraw();
  }

  #goForward(): void {
    this.#latest.hidden = true;
    this.#told = '';
    this.#shown = STEP;
    this.#entries = this.#entries.slice(-MAX_ENTRIES);
    this.#filter.focus();
    this.#redraw();
  }
}
