import { TABS, type Tab } from './tabs.js';

/** What is opened; `''` for none. */
export interface Opened {
  readonly tab: Tab;
  readonly topic: string;
  /** `broadcast address:TCP port`. */
  readonly nsqd: string;
}

/**
 * What is opened stands behind the page's address, so that one can go back to it, and send it to others. Answers what opens
 * something else.
 */
export function listenToAddress(
  onOpened: (opened: Opened) => void,
): (opened: Readonly<Record<string, string>>) => void {
  const read = () => {
    const opened = toOpened(location.hash);
    if (opened) onOpened(opened);
  };
  addEventListener('popstate', read);
  read();
  return (opened) => {
    const hash = `#${new URLSearchParams(opened).toString()}`;
    if (hash !== location.hash) history.pushState(null, '', hash);
    read();
  };
}

/** Undefined for what is no such text. */
function toOpened(hash: string): Opened | undefined {
  const told = new URLSearchParams(hash.slice(1));
  const [topic, nsqd] = [told.get('topic') ?? '', told.get('nsqd') ?? ''];
  if (topic !== '' || nsqd !== '') return { tab: 'details', topic, nsqd: topic === '' ? nsqd : '' };
  const wanted = hash === '' ? 'changes' : told.get('tab');
  const tab = TABS.find((each) => each === wanted);
  return tab && { tab, topic, nsqd };
}
