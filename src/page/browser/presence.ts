/** A hidden page lets its connection go when so many others have been opened, or looked at, since it was hidden. */
const OTHERS = 3;
const NAME = 'nsqlookupd';

/**
 * A browser has six connections to a server for all its tabs: those that nobody looks at do not keep one each. `onAway` is called when
 * this page is to let its own go, `onBack` when it is looked at again.
 */
export function watchPresence(onAway: () => void, onBack: () => void): void {
  if (!('BroadcastChannel' in globalThis)) return;
  const others = new BroadcastChannel(NAME);
  let count = 0;
  others.onmessage = () => {
    if (document.hidden && ++count === OTHERS) onAway();
  };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    others.postMessage('seen');
    if (count >= OTHERS) onBack();
    count = 0;
  });
  others.postMessage('seen');
}
