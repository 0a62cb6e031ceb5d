import { byId, fill, formatAge, formatNumber, h } from './dom.js';
import type { Model } from './model.js';
import type { About } from './state.js';
import type { Way } from './source.js';

const SECONDS = 600;
/** The sparkline's points are of so many seconds each. */
const POINT_SECONDS = 5;
const SVG = 'http://www.w3.org/2000/svg';

const WAYS: Readonly<Record<Way, string>> = {
  connecting: 'connecting…',
  live: 'live',
  polling: 'polled every 3 s, as events are held back on the way',
  away: 'not reached; trying again',
  refused: 'not allowed to read',
  unclear: 'something else answers; trying again',
  asleep: 'resting while other tabs are looked at',
};

/** How many changes there were in each of the last seconds. */
class Rate {
  readonly #counts = new Uint32Array(SECONDS);
  #second = Math.floor(Date.now() / 1000);

  add(): void {
    this.#forward();
    this.#counts[this.#second % SECONDS]!++;
  }

  /** Of `seconds`, so many seconds ago. */
  sum(seconds: number, agoSeconds: number): number {
    this.#forward();
    let sum = 0;
    for (let i = 0; i < seconds; i++) sum += this.#counts[(this.#second - agoSeconds - i + SECONDS * 2) % SECONDS]!;
    return sum;
  }

  #forward(): void {
    const now = Math.floor(Date.now() / 1000);
    if (now - this.#second > SECONDS) this.#counts.fill(0);
    else for (let second = this.#second + 1; second <= now; second++) this.#counts[second % SECONDS] = 0;
    this.#second = Math.max(now, this.#second);
  }
}

/** The head line. */
export class Head {
  readonly #rate = new Rate();
  readonly #values = new Map<string, HTMLElement>();
  readonly #line = document.createElementNS(SVG, 'polyline');
  readonly #table = h('tbody');
  #about: { readonly about: About; readonly atMs: number } | undefined;
  #way: Way | undefined;

  constructor(onFindings: () => void) {
    const tile = (name: string, ...more: readonly Node[]) => {
      const value = h('span', {}, '–');
      this.#values.set(name, value);
      return h('div', {}, h('dt', {}, name), h('dd', {}, value, ...more));
    };
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${SECONDS / POINT_SECONDS - 1} 24`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(this.#line);
    const findings = h('button', { class: 'link', click: onFindings }, '–');
    this.#values.set('findings', findings);
    fill(
      byId('tiles'),
      tile('nsqds'),
      tile('topics'),
      tile('channels'),
      h('div', {}, h('dt', {}, 'findings'), h('dd', {}, findings)),
      tile('changes a second', svg, this.#toTable()),
    );
    this.way('connecting');
  }

  changed(): void {
    this.#rate.add();
  }

  way(way: Way): void {
    if (way === this.#way) return;
    this.#way = way;
    byId('way').dataset['way'] = way;
    byId('way').textContent = WAYS[way];
  }

  about(about: About): void {
    this.#about = { about, atMs: performance.now() };
  }

  findings(count: number | undefined): void {
    this.#values.get('findings')!.textContent = count === undefined ? '–' : formatNumber(count);
    this.#values.get('findings')!.classList.toggle('some', (count ?? 0) > 0);
  }

  /** Once a second, and when something has changed. */
  draw({ clientCount, topicCount, channelCount, isPolled }: Model): void {
    const set = (name: string, text: string) => {
      const element = this.#values.get(name)!;
      if (element.textContent !== text) element.textContent = text;
    };
    set('nsqds', formatNumber(clientCount));
    set('topics', formatNumber(topicCount));
    set('channels', isPolled ? '–' : formatNumber(channelCount));
  }

  /** Once a second. */
  drawRate(): void {
    const rate = this.#rate.sum(POINT_SECONDS, 1) / POINT_SECONDS;
    this.#values.get('changes a second')!.textContent =
      rate < 10 && rate > 0 ? rate.toFixed(1) : formatNumber(Math.round(rate));
    const count = SECONDS / POINT_SECONDS;
    const sums = Array.from({ length: count }, (_, i) =>
      this.#rate.sum(POINT_SECONDS, (count - 1 - i) * POINT_SECONDS),
    );
    const most = Math.max(POINT_SECONDS, ...sums);
    this.#line.setAttribute('points', sums.map((sum, i) => `${i},${(23 - (22 * sum) / most).toFixed(1)}`).join(' '));
    if (!this.#about) return;
    const { about, atMs } = this.#about;
    const upMs = about.uptime_ms + performance.now() - atMs;
    const parts = [
      `version ${about.package_version}`,
      `up ${formatAge(upMs)}`,
      about.sharing,
      `epoch ${about.epoch.slice(0, 8)}`,
    ];
    const text = parts.join(' · ');
    const element = byId('server').querySelector('span') ?? byId('server').appendChild(h('span'));
    if (element.textContent !== text) element.textContent = text;
  }

  /** The picture's table: a row for each minute. */
  #toTable(): HTMLElement {
    const toRow = (minute: number) =>
      h('tr', {}, h('td', {}, `${minute} min ago`), h('td', {}, this.#rate.sum(60, minute * 60)));
    const draw = () => fill(this.#table, ...Array.from({ length: 10 }, (_, i) => toRow(i)));
    draw();
    setInterval(draw, 60_000);
    const caption = h('caption', {}, 'Changes in each of the last ten minutes');
    return h('div', { class: 'unseen' }, h('table', {}, caption, this.#table));
  }
}
