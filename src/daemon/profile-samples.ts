import { fileURLToPath } from 'node:url';
import type { HeapProfiler, Profiler, Runtime } from 'node:inspector/promises';
import type * as PprofFormat from 'pprof-format';

/** A function that ran, and where. */
export interface Frame {
  /** Of this program `folder/file:function`, as what lists a profile shows no files. */
  readonly name: string;
  readonly file: string;
  /** Where the function starts; 0 if that is not known. */
  readonly startLine: number;
  /** What ran of it; 0 if that is not known. */
  readonly line: number;
}

/** A stack, from the innermost function out, and what was counted there: a value for each of the profile's types. */
export interface StackSample {
  readonly stack: readonly Frame[];
  readonly values: readonly number[];
}

/** What was counted, in pprof's words: a type and its unit. */
export type ValueType = readonly [type: string, unit: string];

/** A profile, whatever it is written as. */
export interface SampledProfile {
  readonly types: readonly ValueType[];
  readonly period: { readonly type: ValueType; readonly value: number };
  readonly samples: readonly StackSample[];
  /** When it was begun: milliseconds since 1970. */
  readonly beganMs: number;
  readonly durationMs: number;
}

/** What V8 gives; @types/node 20 lacks a part of it. */
interface HeapNode {
  readonly id: number;
  readonly callFrame: Runtime.CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}
interface HeapProfile {
  readonly head: HeapNode;
  readonly samples: readonly { readonly nodeId: number }[];
}

/** V8's stand-ins for no function at all; without them an idle process does not seem busy. */
const NOTHING = ['(root)', '(idle)'];

/** Where the CPU was, from what V8 saw. A sample's time is the one until the next. */
export function toCpuSamples({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): StackSample[] {
  const times = new Map<number, number>();
  samples.forEach((id, i) => times.set(id, (times.get(id) ?? 0) + (timeDeltas[i + 1] ?? 0)));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const found: StackSample[] = [];
  for (const node of nodes) {
    if (!times.has(node.id) || NOTHING.includes(node.callFrame.functionName)) continue;
    const callers: Frame[] = [];
    for (let id = parents.get(node.id); id !== undefined; id = parents.get(id)) {
      const { callFrame } = byId.get(id)!;
      if (!NOTHING.includes(callFrame.functionName)) callers.push(toFrame(callFrame));
    }
    const { positionTicks = [] } = node;
    const lines = positionTicks.length > 0 ? positionTicks : [{ line: 0, ticks: node.hitCount ?? 1 }];
    const allTicks = lines.reduce((sum, { ticks }) => sum + ticks, 0);
    for (const { line, ticks } of lines) {
      const ns = Math.round((times.get(node.id)! * 1000 * ticks) / allTicks);
      found.push({ stack: [toFrame(node.callFrame, line), ...callers], values: [ticks, Math.max(0, ns)] });
    }
  }
  return found;
}

/** What lives of what was allocated while V8 was sampling, and the rest of the heap in one piece. */
export function toHeapSamples(profile: HeapProfiler.SamplingHeapProfile, usedBytes: number): StackSample[] {
  const { head, samples } = profile as unknown as HeapProfile;
  const counts = new Map<number, number>();
  for (const { nodeId } of samples) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
  const found: StackSample[] = [];
  const open: { node: HeapNode; callers: readonly Frame[] }[] = [{ node: head, callers: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, callers } = next;
    const stack = NOTHING.includes(node.callFrame.functionName) ? callers : [toFrame(node.callFrame), ...callers];
    if (node.selfSize > 0) found.push({ stack, values: [counts.get(node.id) ?? 1, node.selfSize] });
    for (const child of node.children) open.push({ node: child, callers: stack });
  }
  const sampled = found.reduce((sum, { values }) => sum + values[1]!, 0);
  const rest = Math.max(0, usedBytes - sampled);
  return [...found, { stack: [toNamed('(allocated before sampling began, or not sampled)')], values: [1, rest] }];
}

/** One sample of each name, with how often it stands there. */
export function toCountedSamples(names: readonly string[]): StackSample[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ stack: [toNamed(name)], values: [count] }));
}

function toNamed(name: string): Frame {
  return { name, file: '', startLine: 0, line: 0 };
}

function toFrame({ functionName, url, lineNumber }: Runtime.CallFrame, line = 0): Frame {
  const file = url.startsWith('file:') ? toPath(url) : url;
  const place = /[^/\\]*[/\\]?[^/\\]*$/.exec(file)?.[0].replace('\\', '/');
  const startLine = lineNumber + 1; // which V8 counts from 0
  return {
    name: file === '' ? functionName || '(anonymous)' : `${place}:${functionName || '(anonymous)'}`,
    file,
    startLine,
    line: line || startLine,
  };
}

function toPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

/** In pprof's format, before it is compressed. */
export function toPprof({ Profile, StringTable }: typeof PprofFormat, profile: SampledProfile): Uint8Array {
  const strings = new StringTable();
  const text = (value: string) => strings.dedup(value);
  const valueType = ([type, unit]: ValueType) => ({ type: text(type), unit: text(unit) });
  const functions = new Map<
    string,
    { id: number; name: number; systemName: number; filename: number; startLine: number }
  >();
  const locations = new Map<string, { id: number; line: { functionId: number; line: number }[] }>();
  const locate = ({ name, file, startLine, line }: Frame): number => {
    const key = `${name}\0${file}\0${startLine}`;
    let of = functions.get(key);
    if (!of) {
      of = { id: functions.size + 1, name: text(name), systemName: text(name), filename: text(file), startLine };
      functions.set(key, of);
    }
    const place = `${of.id}:${line}`;
    let location = locations.get(place);
    if (!location) locations.set(place, (location = { id: locations.size + 1, line: [{ functionId: of.id, line }] }));
    return location.id;
  };
  const sample = profile.samples.map(({ stack, values }) => ({ locationId: stack.map(locate), value: [...values] }));
  return new Profile({
    sampleType: profile.types.map(valueType),
    sample,
    location: [...locations.values()],
    function: [...functions.values()],
    periodType: valueType(profile.period.type),
    period: profile.period.value,
    timeNanos: BigInt(Math.round(profile.beganMs)) * 1_000_000n,
    durationNanos: Math.round(profile.durationMs * 1e6),
    defaultSampleType: text(profile.types.at(-1)![0]),
    stringTable: strings,
  }).encode();
}

/** To read, as `?debug=1` asks for: what was counted at each stack, the most first. */
export function toProfileText(name: string, { types, samples }: SampledProfile): string {
  const sorted = [...samples].sort((a, b) => (b.values.at(-1) ?? 0) - (a.values.at(-1) ?? 0));
  const totals = types.map((type, i) => `${sum(samples, i)} ${type.join('/')}`);
  const stacks = sorted.map(({ stack, values }) => {
    const frames = stack.map((frame) => `#\t${frame.name}${frame.file && `\t${frame.file}:${frame.line}`}\n`);
    return `${values.join(' ')} @\n${frames.join('')}\n`;
  });
  return `${name} profile: total ${totals.join(', ')}\n${stacks.join('')}`;
}

function sum(samples: readonly StackSample[], i: number): number {
  return samples.reduce((total, { values }) => total + values[i]!, 0);
}
