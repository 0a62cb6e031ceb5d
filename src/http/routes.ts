import { ANY, isChannelName, isTopicName, type Topology } from '../registry/index.js';
import { AnswerCache } from './answer-cache.js';
import type { HttpBody, HttpResponse } from './http-message.js';
import { createPprofRoutes } from './pprof.js';
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
  const { db, clock } = topology;
  const cache = new AnswerCache(clock, maxCacheBytes);
  const encoder = new WireEncoder();
  // A question about all topics is stale whenever anything changes.
  const revisionOf = (topic: string) => (topic === ANY ? db.revision : db.revisionOf(topic));

  const lookup = (topic: string) =>
    cache.get(`lookup ${topic}`, revisionOf(topic), () => {
      const result = topology.lookup(topic);
      if (!result) return { response: TOPIC_NOT_FOUND, changesAtMs: Infinity };
      return { response: json(encoder.lookup(result)), changesAtMs: result.changesAtMs };
    });
  const channels = (topic: string) =>
    cache.get(`channels ${topic}`, revisionOf(topic), () => {
      return { response: json(toJson({ channels: topology.channels(topic) })), changesAtMs: Infinity };
    });
  const topics = () =>
    cache.get('topics', db.topicsRevision, () => {
      return { response: json(toJson({ topics: topology.topics() })), changesAtMs: Infinity };
    });
  const nodes = () =>
    cache.get('nodes', db.nodesRevision, () => {
      const all = topology.nodes();
      const changesAtMs = all.reduce((soonest, node) => Math.min(soonest, node.changesAtMs), Infinity);
      return { response: json(encoder.nodes(all)), changesAtMs };
    });
  const pong = toBytes(text('OK'));
  const info = toBytes(json(toJson({ version })));

  const deleteTopic = (topic: string) => {
    topology.deleteTopic(topic);
    return done();
  };
  const tombstone = (topic: string, node: string) => {
    topology.tombstone(topic, node);
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
    read('debug', [], () => json(wholeOrInChunks(registryToJson(db.entries())))),
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

/** One chunk is a body; more are made as they are sent, while the registry may change. */
function wholeOrInChunks(chunks: Iterator<string, void>): HttpBody {
  const first = chunks.next().value ?? '';
  let next = chunks.next();
  if (next.done === true) return first;
  return (async function* () {
    yield first;
    for (; next.done !== true; next = chunks.next()) yield await Promise.resolve(next.value);
  })();
}

const anyTopic: RouteArgument = { name: 'topic' };
const legalTopic: RouteArgument = { name: 'topic', isLegal: isTopicName };
const legalChannel: RouteArgument = { name: 'channel', isLegal: isChannelName };
const anyNode: RouteArgument = { name: 'node' };
