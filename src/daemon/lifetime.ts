import type { Listener } from './listener.js';

interface Lifetime<T> {
  readonly graceMs: number;
  /** What it throws, `listen` rejects with. The signal is aborted when it is closed meanwhile. */
  readonly starting: (signal: AbortSignal) => Promise<void>;
  readonly started: () => T;
  readonly ending: () => Promise<unknown> | undefined;
  readonly stopped: () => void;
}

/** Those listeners as one: all listen or none, one that fails closes all. They begin with the last and end with the first. */
export function createLifetime<T>(
  listeners: readonly Listener[],
  { graceMs, starting, started, ending, stopped }: Lifetime<T>,
) {
  let listening: Promise<T> | undefined;
  let closing: Promise<void> | undefined;
  const stopStart = new AbortController();
  let failure: Error | undefined;
  let isListening = false;
  let settle: { resolve: () => void; reject: (error: Error) => void };
  const closed = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));
  closed.catch(() => undefined); // who does not look at it is not to be ended by it

  const start = async () => {
    try {
      await starting(stopStart.signal);
      for (const listener of [...listeners].reverse()) await listener.listen();
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.abandon()));
      listening = undefined;
      throw error;
    }
    isListening = true;
    return started();
  };
  const end = async () => {
    stopStart.abort(new Error('the lookupd is closed'));
    await listening?.catch(() => undefined);
    const ended = ending();
    if (ended) await ended; // a promise that is not there would cost a turn
    // None takes a connection any more when the first lets one go.
    const stopping = listeners.map((listener) => ({ listener, closed: listener.stop() }));
    stopped();
    await Promise.all(stopping.map(({ listener, closed }) => listener.letGo(graceMs, closed)));
    if (failure) settle.reject(failure);
    else settle.resolve();
  };
  const close = () => (closing ??= end());

  return {
    closed,
    close,
    get state() {
      if (closing) return 'closing';
      return isListening ? undefined : 'starting';
    },
    listen: () => (closing ? Promise.reject(new Error('the lookupd is closed')) : (listening ??= start())),
    fail: (error: Error) => {
      failure ??= error;
      void close();
    },
  };
}
