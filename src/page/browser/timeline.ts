import type { Api } from './api.js';
import { byId, fill, formatTime, h, plural } from './dom.js';
import type { ChangeJson } from './model.js';
import { readEvents } from './stream.js';

/** What happened; a note is the page's own. */
export interface Entry {
  /** When the page heard of it; 0 for before it was open. */
  readonly atMs: number;
  readonly change?: ChangeJson;
  readonly note?: string;
}

/** The most that is remembered, and shown at once. */
const MAX_ENTRIES = 5000;
const SHOWN = 200;
/** It is drawn anew at most so often. */
const REDRAW_MS = 90;
/** By when what is older must have come. */
const OLDER_MS = 15_000;

const KINDS: Readonly<Record<string, readonly string[]>> = {
  'all changes': [],
  'came and went': ['producerAdded', 'producerRemoved', 'peerLeft', 'registrationAdded', 'registrationRemoved'],
  tombstones: ['producerTombstoned'],
  'heard of again, or silent': ['peerTouched'],
};

export interface TimelineOptions {
  readonly api: Api;
  /** From where `/watch` can go on; null for no further back. */
  readonly oldestIndex: () => string | null;
  /** From where on the page has seen all changes. */
  readonly seenFrom: () => string;
  readonly describe: (change: ChangeJson) => string;
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
    input: () => this.#redraw(),
  });
  readonly #kind = h('select', { 'aria-label': 'Kind of change', change: () => this.#redraw() });
  readonly #older = h('button', { click: () => void this.#readOlder() }, 'Earlier changes');
  readonly #status = h('p', { class: 'soft' });
  /** The latest last. */
  #entries: Entry[] = [];
  #shown = SHOWN;
  #waiting = 0;
  #isPaused = false;
  #isDue = false;
  #drawnMs = 0;
  #hasOlder = false;

  constructor(options: TimelineOptions) {
    this.#options = options;
    fill(this.#kind, ...Object.keys(KINDS).map((name) => h('option', {}, name)));
    const tools = h('div', { class: 'tools' }, this.#filter, this.#kind, this.#pause);
    fill(byId('changes'), h('h2', { class: 'unseen' }, 'Changes'), tools, this.#status, this.#list, this.#older);
    this.#redraw();
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    if (this.#entries.length > MAX_ENTRIES * 1.2) this.#entries = this.#entries.slice(-MAX_ENTRIES);
    if (this.#isPaused) this.#waiting++;
    this.#redrawLater();
  }

  /** There may be more to go back to. */
  draw(): void {
    this.#redrawLater();
  }

  /** What changed lately that passes. */
  latest(passes: (change: ChangeJson) => boolean, most: number): Entry[] {
    const found: Entry[] = [];
    for (let i = this.#entries.length - 1; i >= 0 && found.length < most; i--) {
      const entry = this.#entries[i]!;
      if (entry.change && passes(entry.change)) found.push(entry);
    }
    return found;
  }

  toItem({ atMs, change, note }: Entry): HTMLElement {
    const time = atMs === 0 ? h('time', {}, 'earlier') : h('time', {}, formatTime(atMs));
    if (!change) return h('li', {}, time, note);
    const open = h(
      'button',
      { class: 'link', click: () => this.#options.onOpen(change) },
      this.#options.describe(change),
    );
    return h('li', {}, time, open);
  }

  #toggle(): void {
    this.#isPaused = !this.#isPaused;
    this.#waiting = 0;
    this.#pause.setAttribute('aria-pressed', String(this.#isPaused));
    this.#pause.textContent = this.#isPaused ? 'Go on' : 'Pause';
    this.#redraw();
  }

  /** A few times a second at most, and not while it is not seen. */
  #redrawLater(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setTimeout(
      () => {
        this.#isDue = false;
        this.#drawnMs = performance.now();
        if (this.#isPaused) this.#tell();
        else this.#redraw();
      },
      this.#drawnMs + REDRAW_MS - performance.now(),
    );
  }

  #tell(): void {
    const text = this.#isPaused
      ? `Paused${this.#waiting > 0 ? `; ${plural(this.#waiting, 'change')} since` : ''}.`
      : this.#entries.length === 0
        ? 'Nothing has changed since this page was opened.'
        : '';
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #redraw(): void {
    this.#tell();
    if (this.#list.contains(document.activeElement)) return; // who is in it with the keyboard stays there
    const text = this.#filter.value.toLowerCase();
    const types = KINDS[this.#kind.value] ?? [];
    const found: Entry[] = [];
    let isMore = false;
    for (let i = this.#entries.length - 1 - (this.#isPaused ? this.#waiting : 0); i >= 0; i--) {
      const { change, note } = this.#entries[i]!;
      if (types.length > 0 && !types.includes(change?.type ?? '')) continue;
      const shown = change ? this.#options.describe(change) : (note ?? '');
      if (text !== '' && !shown.toLowerCase().includes(text)) continue;
      if (found.length === this.#shown) {
        isMore = true;
        break;
      }
      found.push(this.#entries[i]!);
    }
    fill(this.#list, ...found.map((entry) => this.toItem(entry)));
    this.#older.hidden = !isMore && (this.#hasOlder || this.#options.oldestIndex() === null);
  }

  /** More of what is known, and then what the server still has from before the page was open. */
  async #readOlder(): Promise<void> {
    const oldest = this.#options.oldestIndex();
    this.#shown += SHOWN;
    if (this.#shown < this.#entries.length || this.#hasOlder || oldest === null) return this.#redraw();
    this.#older.disabled = true;
    const seenFrom = this.#options.seenFrom();
    const older: Entry[] = [];
    const read = () =>
      readEvents({
        api: this.#options.api,
        route: `watch?index=${encodeURIComponent(oldest)}`,
        lastId: '',
        firstByteMs: OLDER_MS,
        onEvent: ({ name, id, data }) => {
          if (name !== 'change') return false;
          older.push({ atMs: 0, change: JSON.parse(data) as ChangeJson });
          if (older.length > MAX_ENTRIES) older.shift();
          return id === seenFrom ? false : undefined;
        },
      });
    if (oldest !== seenFrom) await read().catch(() => undefined);
    this.#hasOlder = true;
    this.#older.disabled = false;
    this.#entries = [...older, ...this.#entries].slice(-MAX_ENTRIES * 2);
    if (older.length === 0) this.#status.textContent = 'There are no earlier changes.';
    this.#redraw();
  }
}
