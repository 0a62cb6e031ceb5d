import { byId, fill, h } from './dom.js';

const NOTICE_MS = 30_000;

interface Button {
  readonly label: string;
  readonly act: () => void;
}

/** What one is told at the top of the page. */
export class Notices {
  #timer = 0;

  /** For a while. */
  tell(text: string): void {
    this.#show(text);
    this.#timer = setTimeout(() => (byId('notice').hidden = true), NOTICE_MS);
  }

  /** Until something is done. */
  keep(text: string, { label, act }: Button): void {
    this.#show(`${text} `, h('button', { class: 'link', click: act }, label));
  }

  #show(...children: readonly (string | Node)[]): void {
    clearTimeout(this.#timer);
    fill(byId('notice'), ...children);
    byId('notice').hidden = false;
  }
}
