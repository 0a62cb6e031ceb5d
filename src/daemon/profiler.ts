import { setTimeout as wait } from 'node:timers/promises';
import type { Session } from 'node:inspector/promises';
import { toCpuSamples, toHeapSamples, type SampledProfile } from './profile-samples.js';

/** As Go's: V8 notes one allocation in about so many bytes. */
const HEAP_SAMPLING_BYTES = 512 * 1024;
/** A longer CPU profile is sampled more rarely, so that its end does not keep the others waiting. */
const MAX_CPU_SAMPLES = 30_000;

/** Takes profiles of this process with V8's inspector, which is loaded when it is first asked. */
export class Profiler {
  #heap: Promise<{ readonly session: Session; readonly beganMs: number }> | undefined;

  /** Where the CPU is for so many seconds; shorter when the signal ends it, which rejects. */
  async cpu(seconds: number, signal: AbortSignal): Promise<SampledProfile> {
    const session = await connect();
    try {
      const intervalUs = 1000 * Math.ceil((seconds * 1000) / MAX_CPU_SAMPLES);
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: intervalUs });
      const beganMs = Date.now();
      await session.post('Profiler.start');
      await wait(seconds * 1000, undefined, { signal });
      const { profile } = await session.post('Profiler.stop');
      return {
        types: [
          ['samples', 'count'],
          ['cpu', 'nanoseconds'],
        ],
        period: { type: ['cpu', 'nanoseconds'], value: intervalUs * 1000 },
        samples: toCpuSamples(profile),
        beganMs,
        durationMs: (profile.endTime - profile.startTime) / 1000,
      };
    } finally {
      session.disconnect(); // which ends the sampling, too
    }
  }

  /** What lives of what was allocated since this was first called, after so many seconds. Sampling goes on until `close`. */
  async heap(seconds: number, signal: AbortSignal): Promise<SampledProfile> {
    this.#heap ??= startSampling();
    this.#heap.catch(() => (this.#heap = undefined));
    const { session, beganMs } = await this.#heap;
    if (seconds > 0) await wait(seconds * 1000, undefined, { signal });
    const { profile } = await session.post('HeapProfiler.getSamplingProfile');
    return {
      types: [
        ['inuse_objects', 'count'],
        ['inuse_space', 'bytes'],
      ],
      period: { type: ['space', 'bytes'], value: HEAP_SAMPLING_BYTES },
      samples: toHeapSamples(profile, process.memoryUsage().heapUsed),
      beganMs,
      durationMs: Date.now() - beganMs,
    };
  }

  /** Ends the sampling of the heap. */
  close(): void {
    this.#heap?.then(({ session }) => session.disconnect()).catch(() => undefined);
    this.#heap = undefined;
  }
}

async function startSampling() {
  const session = await connect();
  await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLING_BYTES });
  return { session, beganMs: Date.now() };
}

async function connect(): Promise<Session> {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connect();
  return session;
}
