import { byId, h } from './dom.js';
import type { About } from './state.js';

/** Shows what the one who looks may do, and whether a token would let them do more. */
export function showRights({ may, asks_token: asksToken }: About, onToken: () => void): void {
  byId('create').hidden = !may.includes('topic/create');
  showSignIn(asksToken, onToken);
}

export function showSignIn(isWanted: boolean, onToken: () => void): void {
  const signIn = document.getElementById('sign-in');
  if (!isWanted) signIn?.remove();
  else if (!signIn) byId('server').append(h('button', { id: 'sign-in', click: onToken }, 'Use a token…'));
}
