/** How long the page works before a frame, a click or a key may come in between. */
const SLICE_MS = 8;

const channel = new MessageChannel();
const waiting: (() => void)[] = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Long work in slices: `await slices.next()` now and then. */
export class Slices {
  #startMs = performance.now();

  /** Whether it is time to let others have their turn. */
  get isOver(): boolean {
    return performance.now() - this.#startMs > SLICE_MS;
  }

  async next(): Promise<void> {
    if (!this.isOver) return;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      channel.port2.postMessage(0);
    });
    this.#startMs = performance.now();
  }
}
