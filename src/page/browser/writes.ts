import type { Api, Refused } from './api.js';
import { fill, h, say } from './dom.js';

const NAME = /^[.a-zA-Z0-9_-]{1,64}$/;

interface Asked {
  readonly title: string;
  readonly text: string;
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly label?: string;
  readonly isSecret?: boolean;
  /** Undefined when it is done, else what is wrong. */
  readonly act: (value: string) => Promise<string | undefined>;
}

/** What can be done from the page, each after one has been asked. */
export class Writes {
  readonly #api: Api;
  readonly #onToken: () => void;
  #isAsking = false;

  constructor(api: Api, onToken: () => void) {
    this.#api = api;
    this.#onToken = onToken;
  }

  createTopic(): void {
    this.#ask({
      title: 'New topic',
      text: 'Consumers find it at once, without a producer; nsqds do not have it until somebody publishes to it there.',
      verb: 'Create topic',
      label: 'Name',
      act: (topic) => this.#write('topic/create', { topic }, topic),
    });
  }

  createChannel(topic: string): void {
    this.#ask({
      title: `New channel of ${topic}`,
      text: 'nsqds that come to have the topic from now on make the channel with it; those that have it already do not.',
      verb: 'Create channel',
      label: 'Name',
      act: (channel) => this.#write('channel/create', { topic, channel }, channel),
    });
  }

  deleteTopic(topic: string, producers: number): void {
    this.#ask({
      title: `Delete the topic ${topic}?`,
      text: `It goes from this registry, with its channels and its ${producers} producers. No message is deleted, and nsqds that still have the topic name it again when they next connect: delete it there first.`,
      verb: `Delete ${topic}`,
      isDanger: true,
      act: () => this.#write('topic/delete', { topic }),
    });
  }

  deleteChannel(topic: string, channel: string): void {
    this.#ask({
      title: `Delete the channel ${channel} of ${topic}?`,
      text: 'It goes from this registry. No message is deleted, and nsqds that still have the channel name it again when they next connect.',
      verb: `Delete ${channel}`,
      isDanger: true,
      act: () => this.#write('channel/delete', { topic, channel }),
    });
  }

  tombstone(topic: string, node: string, forText: string): void {
    this.#ask({
      title: `Tombstone ${node} for ${topic}?`,
      text: `For ${forText} consumers that ask for ${topic} are not told of ${node}. Those that are connected stay so. Then it is named again, if it still has the topic.`,
      verb: `Tombstone ${node}`,
      isDanger: true,
      act: () => this.#write('topic/tombstone', { topic, node }),
    });
  }

  untombstone(topic: string, node: string): void {
    this.#ask({
      title: `End the tombstone of ${node} for ${topic}?`,
      text: `Consumers that ask for ${topic} are told of ${node} again from now on.`,
      verb: `End the tombstone of ${node}`,
      act: () => this.#write('topic/untombstone', { topic, node }),
    });
  }

  /** Once at a time. */
  askToken(hadToken: boolean): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const why = hadToken ? 'The server does not know this token, or no longer.' : 'This server asks who you are.';
    this.#ask({
      title: hadToken ? 'Another token is needed' : 'A token is needed',
      text: `${why} The token is kept for this tab, until it is closed.`,
      verb: 'Use this token',
      label: 'Token',
      isSecret: true,
      act: (token) => {
        if (!this.#api.setToken(token.trim())) return Promise.resolve('A token has no spaces, accents or the like.');
        this.#onToken();
        return Promise.resolve(undefined);
      },
    });
  }

  async #write(route: string, args: Readonly<Record<string, string>>, name?: string): Promise<string | undefined> {
    if (name !== undefined && !NAME.test(name.replace(/#ephemeral$/, '')))
      return 'A name is 1 to 64 letters, digits, dots, hyphens and underscores, and may end in #ephemeral.';
    const refused = await this.#api.write(route, args);
    return refused && explain(refused);
  }

  #ask({ title, text, verb, isDanger = false, label, isSecret = false, act }: Asked): void {
    const before = document.activeElement;
    const fault = h('p', { class: 'fault', role: 'alert' });
    const type = isSecret ? 'password' : 'text';
    const input = h('input', { type, autocomplete: 'off', spellcheck: 'false', id: 'asked', maxlength: 256 });
    const go = h('button', { class: `main${isDanger ? ' danger' : ''}` }, verb);
    const close = () => {
      dialog.close();
    };
    const run = async () => {
      if (label !== undefined && input.value === '') return input.focus();
      go.disabled = true;
      const wrong = await act(input.value);
      go.disabled = false;
      fault.textContent = wrong ?? '';
      if (wrong !== undefined) return;
      close();
      say('Done.');
    };
    const dialog = h('dialog', { 'aria-labelledby': 'asked-title' });
    fill(
      dialog,
      h('h2', { id: 'asked-title' }, title),
      h('p', {}, text),
      label !== undefined && h('label', { for: 'asked' }, label, input),
      fault,
      h('div', { class: 'buttons' }, h('button', { click: close }, 'Cancel'), go),
    );
    go.addEventListener('click', () => void run());
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') void run();
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (isSecret) this.#isAsking = false;
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    });
    document.body.append(dialog);
    dialog.showModal();
    if (label !== undefined) input.focus();
  }
}

function explain({ status, message }: Refused): string {
  if (status === 401) return 'The server does not know who you are: a token is needed, or this one is not known.';
  if (status === 403) return `You may not do that (${message}).`;
  return `It was not done: ${message}.`;
}
