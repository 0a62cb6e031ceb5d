import { byId } from './dom.js';

export const TABS = ['changes', 'findings', 'details'] as const;
export type Tab = (typeof TABS)[number];

export function openTab(tab: Tab): void {
  for (const each of TABS) {
    const isChosen = each === tab;
    byId(each).hidden = !isChosen;
    byId(`tab-${each}`).setAttribute('aria-selected', String(isChosen));
    byId(`tab-${each}`).tabIndex = isChosen ? 0 : -1;
  }
}

/** Click, and the arrow keys. */
export function listenToTabs(onOpen: (tab: Tab) => void): void {
  TABS.forEach((tab, i) => {
    const open = (next: Tab) => {
      onOpen(next);
      byId(`tab-${next}`).focus();
    };
    byId(`tab-${tab}`).addEventListener('click', () => open(tab));
    byId(`tab-${tab}`).addEventListener('keydown', ({ key }) => {
      if (key === 'ArrowRight') open(TABS[(i + 1) % TABS.length]!);
      else if (key === 'ArrowLeft') open(TABS[(i + TABS.length - 1) % TABS.length]!);
    });
  });
}
