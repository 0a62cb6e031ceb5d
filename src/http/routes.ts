import { ANY, isChannelName, isTopicName, type Steps, type Topology, type WorkQueue } from '../registry/index.js';
import { AnswerCache, Budget } from './answer-cache.js';
import type { HttpResponse } from './http-message.js';
import { createPprofRoutes } from './pprof.js';
import { toSliced } from './slices.js';
import { done, failure, json, text, toBytes, toJson } from './responses.js';
import type { RouteArgument, RouteRow } from './route-row.js';
import { registryToJson, WireEncoder } from './wire-json.js';

const TOPIC_NOT_FOUND = toBytes(failure(404, 'TOPIC_NOT_FOUND'));

export interface RouteOptions {
  readonly topology: Topology;
  readonly version: string;
  readonly commandLine: readonly string[];
  readonly maxCacheBytes: number;
}

/** Everything that nsqlookupd answers over HTTP. */
export function createRoutes({ topology, version, commandLine, maxCacheBytes }: RouteOptions): readonly RouteRow[] {
  const { db, clock, work } = topology;
  const budget = new Budget(maxCacheBytes);
  const cache = new AnswerCache(clock, work, budget);
  const encoder = new WireEncoder(topology, budget);
  // A question about all topics is stale whenever anything changes.
  const revisionOf = (topic: string) => (topic === ANY ? db.revision : db.revisionOf(topic));

  const lookup = (topic: string) => {
    const kept = cache.find(`lookup ${topic}`, revisionOf(topic));
    if (kept) return kept;
    const found = topology.producers(topic);
    if (!found) return TOPIC_NOT_FOUND;
    work.spend(found.producers.length);
    const pieces = encoder.lookup(topic, found.producers, found.changesAtMs);
    return cache.make(`lookup ${topic}`, revisionOf(topic), pieces);
  };
  const channels = (topic: string) => cache.get(`channels ${topic}`, revisionOf(topic), () => encoder.channels(topic));
  const topics = () => cache.get('topics', db.topicsRevision, () => encoder.topics());
  const nodes = () => cache.get('nodes', db.nodesRevision, () => encoder.nodes());
  const pong = toBytes(text('OK'));
  const info = toBytes(json(toJson({ version })));

  const deleteTopic = (topic: string) => carryOut(topology.deletingTopic(topic), work);
  const tombstone = (topic: string, node: string) => {
    work.spend(topology.tombstone(topic, node));
    return done();
  };
  const created = (hadRoom: boolean) => (hadRoom ? done() : failure(503, 'TOO_MANY_REGISTRATIONS'));
  const createTopic = (topic: string) => created(topology.createTopic(topic));
  const createChannel = (topic: string, channel: string) => created(topology.createChannel(topic, channel));
  const deleteChannel = (topic: string, channel: string) =>
    topology.deleteChannel(topic, channel) ? done() : failure(404, 'CHANNEL_NOT_FOUND');

  const read = (
    name: string,
    args: readonly RouteArgument[],
    answer: (...values: string[]) => HttpResponse,
  ): RouteRow => {
    return {
      method: 'GET',
      path: `/${name}`,
      args,
      action: { name, kind: 'read' },
      answer: (_, ...values) => answer(...values),
    };
  };
  const write = (name: string, args: readonly RouteArgument[], answer: (...values: string[]) => Answer): RouteRow => {
    return {
      method: 'POST',
      path: `/${name}`,
      args,
      action: { name, kind: 'write' },
      answer: (_, ...values) => answer(...values),
    };
  };
  return [
    read('ping', [], () => pong),
    read('info', [], () => info),
    read('debug', [], () => json(toSliced(registryToJson(db), work).body)),
    read('topics', [], topics),
    read('nodes', [], nodes),
    read('channels', [anyTopic], channels),
    read('lookup', [anyTopic], lookup),
    write('topic/create', [legalTopic], createTopic),
    write('topic/delete', [anyTopic], deleteTopic),
    write('topic/tombstone', [anyTopic, anyNode], tombstone),
    write('channel/create', [legalTopic, legalChannel], createChannel),
    write('channel/delete', [legalTopic, legalChannel], deleteChannel),
    ...createPprofRoutes(commandLine),
  ];
}

type Answer = ReturnType<RouteRow['answer']>;

/** Does the steps, and answers when they are done: at once, if they are few and nobody waits before them. */
function carryOut(steps: Steps, work: WorkQueue): Answer {
  let isDone = false;
  let failed: { readonly error: unknown } | undefined;
  let settle = () => {};
  work.run(
    steps,
    () => {
      isDone = true;
      settle();
    },
    (error) => {
      failed = { error };
      settle();
    },
  );
  const result = () => {
    if (failed) throw failed.error;
    return done();
  };
  if (isDone || failed) return result();
  return new Promise<void>((resolve) => (settle = resolve)).then(result);
}

const anyTopic: RouteArgument = { name: 'topic' };
const legalTopic: RouteArgument = { name: 'topic', isLegal: isTopicName };
const legalChannel: RouteArgument = { name: 'channel', isLegal: isChannelName };
const anyNode: RouteArgument = { name: 'node' };
