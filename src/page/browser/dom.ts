import { toShown } from './shown.js';

type Child = Node | string | number | false | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** An element. What is text stays text, whatever a peer calls itself; a function is a listener. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false) element.setAttribute(name, toShown(String(value)));
  }
  for (const child of children) if (child !== false && child !== undefined) element.append(toNode(child));
  return element;
}

export function byId(id: string): HTMLElement {
  return document.getElementById(id)!;
}

/** The children become those; one that comes again is not moved if it need not be, and keeps the focus. */
export function fill(parent: Element, ...children: readonly Child[]): void {
  const nodes = new Set(children.filter((child) => child !== false && child !== undefined).map(toNode));
  for (const old of [...parent.childNodes]) if (!nodes.has(old)) old.remove();
  let next = parent.firstChild;
  for (const node of nodes) {
    if (node === next) next = next.nextSibling;
    else parent.insertBefore(node, next);
  }
}

function toNode(child: Child): Node {
  return child instanceof Node ? child : document.createTextNode(toShown(String(child)));
}

/** Writes only what is new, as a screen reader may read it. */
export function setText(element: Element, text: string): void {
  const shown = toShown(text);
  if (element.textContent !== shown) element.textContent = shown;
}

const NUMBER = new Intl.NumberFormat('en');

export function formatNumber(value: number): string {
  return NUMBER.format(value);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** Such as `3 d 4 h`, `12 min`, `5 s`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function formatTime(ms: number): string {
  return new Date(ms).toLocaleTimeString('en-GB');
}

/** Tells a screen reader. */
export function say(text: string): void {
  byId('said').textContent = text;
}
