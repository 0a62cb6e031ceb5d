import { isChannelName, isTopicName, type Topology } from '../registry/index.js';
import type { HttpRequest, HttpResponse } from './http-message.js';
import { KeptCache } from './kept-cache.js';
import { createListAnswers } from './list-answers.js';
import { createPprofRoutes } from './pprof.js';
import { readArguments } from './query.js';
import { done, failure, json, text, toBytes, toJson } from './responses.js';

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
  const lists = createListAnswers(topology, new KeptCache(topology.clock, maxCacheBytes));
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
    ['GET', '/debug', () => lists.debug()],
    ['GET', '/topics', () => lists.topics()],
    ['GET', '/nodes', () => lists.nodes()],
    ['GET', '/channels', withArgs([anyTopic], (topic) => lists.channels(topic))],
    ['GET', '/lookup', withArgs([anyTopic], (topic) => lists.lookup(topic))],
    ['POST', '/topic/create', withArgs([legalTopic], createTopic)],
    ['POST', '/topic/delete', withArgs([anyTopic], deleteTopic)],
    ['POST', '/topic/tombstone', withArgs([anyTopic, anyNode], tombstone)],
    ['POST', '/channel/create', withArgs([legalTopic, legalChannel], createChannel)],
    ['POST', '/channel/delete', withArgs([legalTopic, legalChannel], deleteChannel)],
    ...createPprofRoutes(commandLine),
  ];
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
