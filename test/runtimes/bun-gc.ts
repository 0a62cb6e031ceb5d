// bun has no --expose-gc for tests: what Node gives with it, bun gives under a name of its own.
declare const Bun: { gc(force: boolean): void };

Object.assign(globalThis, { gc: () => Bun.gc(true) });
