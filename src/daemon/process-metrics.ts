import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Metric } from '../operate/index.js';

const RESOLUTION_MS = 10;
/** Who asks again sooner is told the same: what is measured begins anew when it is told. */
const LEAST_MS = 1000;
const NS_PER_SECOND = 1e9;

/** Metrics of this process. The delay of its event loop is measured between `start` and `stop`. */
export interface ProcessMetrics {
  /** For `createMetrics`. */
  readonly metrics: readonly Metric[];
  /** Begins to measure. */
  start(): void;
  /** Ends it. */
  stop(): void;
}

/**
 * Makes metrics of this process: CPU, memory, and how the event loop keeps up.
 *
 * @example
 * ```js
 * import { createProcessMetrics } from 'nsqlookupd/daemon';
 *
 * const { metrics } = createProcessMetrics();
 * const memory = metrics.find(({ name }) => name === 'nsqlookupd_process_resident_memory_bytes');
 * for (const { value } of (await memory?.samples()) ?? []) console.log(value > 1_000_000); // true
 * ```
 */
export function createProcessMetrics(): ProcessMetrics {
  const delay = createDelayMeter();
  const one = (name: string, help: string, value: () => number, type: Metric['type'] = 'gauge'): Metric => {
    return { name: `nsqlookupd_${name}`, help, type, samples: () => [{ labels: {}, value: value() }] };
  };
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const startedAt = Date.now() / 1000 - process.uptime();
  const activeSeconds = () => performance.eventLoopUtilization().active / 1000;
  return {
    start: delay.start,
    stop: delay.stop,
    metrics: [
      one('process_cpu_seconds_total', 'CPU time of the process.', cpuSeconds, 'counter'),
      one('process_resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss()),
      one('process_heap_used_bytes', 'Memory of JavaScript.', () => getHeapStatistics().used_heap_size),
      one('process_heap_limit_bytes', 'The most that it may be.', () => getHeapStatistics().heap_size_limit),
      one('process_start_time_seconds', 'When the process began, since 1970.', () => startedAt),
      one('event_loop_active_seconds_total', 'How long the event loop was at work.', activeSeconds, 'counter'),
      {
        name: 'nsqlookupd_event_loop_delay_seconds',
        help: 'How late the event loop was, since this was last asked.',
        type: 'gauge',
        samples: () => Object.entries(delay.read()).map(([stat, value]) => ({ labels: { stat }, value })),
      },
      {
        name: 'nsqlookupd_runtime_info',
        help: 'Always 1: the version of Node.',
        type: 'gauge',
        samples: () => [{ labels: { node: process.versions.node }, value: 1 }],
      },
    ],
  };
}

/** How late the event loop is, in seconds. */
function createDelayMeter() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let told = { mean: 0, p50: 0, p99: 0, max: 0 };
  let toldAtMs = -Infinity;
  // It counts from one look to the next, which are the resolution apart when nothing is late.
  const late = (ns: number) => Math.max(0, (ns || 0) / NS_PER_SECOND - RESOLUTION_MS / 1000);
  const read = () => {
    const now = performance.now();
    if (now - toldAtMs < LEAST_MS || histogram.count === 0) return told;
    told = {
      mean: late(histogram.mean),
      p50: late(histogram.percentile(50)),
      p99: late(histogram.percentile(99)),
      max: late(histogram.max),
    };
    toldAtMs = now;
    histogram.reset();
    return told;
  };
  return { read, start: () => void histogram.enable(), stop: () => void histogram.disable() };
}
