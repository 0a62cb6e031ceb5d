import { ANY, isChannelName, isTopicName, type Topology } from '../registry/index.js';
import { AnswerCache } from './answer-cache.js';
import type { HttpBody, HttpRequest, HttpResponse } from './http-message.js';
import { createPprofRoutes } from './pprof.js';
import { readArguments } from './query.js';
import { done, failure, json, text, toBytes, toJson } from './responses.js';
import { registryToJson, WireEncoder } from './wire-json.js';

const TOPIC_NOT_FOUND = toBytes(failure(404, 'TOPIC_NOT_FOUND'));

export type Route = (request: HttpRequest) => HttpResponse;
export type Row = readonly [method: 'GET' | 'POST', path: string, route: Route];

export interface RouteOptions {
  readonly topology: Topology;
  readonly version: string;
  readonly commandLine: readonly string[];
  readonly maxCacheBytes: number;
}

/** Everything that nsqlookupd answers over HTTP. */
export function createRoutes({ topology, version, commandLine, maxCacheBytes }: RouteOptions): readonly Row[] {
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

  return [
    ['GET', '/ping', () => pong],
    ['GET', '/info', () => info],
    ['GET', '/debug', () => json(wholeOrInChunks(registryToJson(db.entries())))],
    ['GET', '/topics', topics],
    ['GET', '/nodes', nodes],
    ['GET', '/channels', withArgs([anyTopic], channels)],
    ['GET', '/lookup', withArgs([anyTopic], lookup)],
    ['POST', '/topic/create', withArgs([legalTopic], createTopic)],
    ['POST', '/topic/delete', withArgs([anyTopic], deleteTopic)],
    ['POST', '/topic/tombstone', withArgs([anyTopic, anyNode], tombstone)],
    ['POST', '/channel/create', withArgs([legalTopic, legalChannel], createChannel)],
    ['POST', '/channel/delete', withArgs([legalTopic, legalChannel], deleteChannel)],
    ...createPprofRoutes(commandLine),
  ];
}

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

interface Argument {
  readonly name: string;
  readonly isLegal?: (value: string) => boolean;
}

const anyTopic: Argument = { name: 'topic' };
const legalTopic: Argument = { name: 'topic', isLegal: isTopicName };
const legalChannel: Argument = { name: 'channel', isLegal: isChannelName };
const anyNode: Argument = { name: 'node' };

/** Reads the arguments off the query, in order; the first that is missing or not legal is the answer. */
function withArgs<A extends Argument[]>(
  wanted: readonly [...A],
  route: (...values: { [I in keyof A]: string }) => HttpResponse,
): Route {
  const names = wanted.map(({ name }) => name);
  return ({ query }) => {
    const values = readArguments(query, names);
    if (!values) return failure(400, 'INVALID_REQUEST');
    for (const [i, { name, isLegal }] of wanted.entries()) {
      const value = values[i];
      if (value === undefined) return failure(400, `MISSING_ARG_${name.toUpperCase()}`);
      if (isLegal?.(value) === false) return failure(400, `INVALID_ARG_${name.toUpperCase()}`);
    }
    return route(...(values as { [I in keyof A]: string }));
  };
}
