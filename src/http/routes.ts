import { isChannelName, isTopicName, type Topology } from '../registry/index.js';
import type { HttpResponse } from './http-message.js';
import { KeptCache } from './kept-cache.js';
import { createListAnswers } from './list-answers.js';
import { done, failure, json, kept, text, toBytes, toJson } from './responses.js';
import { ROUTE_DESCRIPTIONS } from './route-descriptions.js';
import type { RouteArgument, RouteRow } from './route-row.js';
import { placeOf, type ZoneOf, type ZonePolicy } from './zones.js';

export interface RouteOptions {
  readonly topology: Topology;
  readonly version: string;
  readonly maxCacheBytes: number;
  readonly zonePolicy: ZonePolicy;
  readonly zoneOf: ZoneOf | undefined;
}

/** Everything that nsqlookupd answers over HTTP. */
export function createRoutes(options: RouteOptions): readonly RouteRow[] {
  const { topology, version, maxCacheBytes, zonePolicy, zoneOf } = options;
  const lists = createListAnswers(topology, new KeptCache(topology.clock, maxCacheBytes));
  const pong = kept(toBytes(text('OK')), () => true);
  const info = kept(toBytes(json(toJson({ version }))), () => true);

  const deleteTopic = (topic: string): Answer => {
    const deleted = topology.work.result(topology.deletingTopic(topic));
    return deleted ? deleted.then(done) : done();
  };
  const tombstone = (topic: string, node: string) => {
    topology.work.spend(topology.tombstone(topic, node));
    return done();
  };
  const created = (hadRoom: boolean) => (hadRoom ? done() : failure(503, 'TOO_MANY_REGISTRATIONS'));
  const createTopic = (topic: string) => created(topology.createTopic(topic));
  const createChannel = (topic: string, channel: string) => created(topology.createChannel(topic, channel));
  const deleteChannel = (topic: string, channel: string): Answer => {
    const answer = (wasThere: boolean) => (wasThere ? done() : failure(404, 'CHANNEL_NOT_FOUND'));
    const deleted = topology.work.result(topology.deletingChannel(topic, channel));
    return typeof deleted === 'boolean' ? answer(deleted) : deleted.then(answer);
  };

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
  const lookup = read('lookup', [anyTopic], (topic) => lists.lookup(topic));
  const lookupFrom: RouteRow['answer'] = (request, topic = '') => {
    const place = placeOf(request, zoneOf);
    return place ? lists.lookupFrom(topic, place, zonePolicy) : lists.lookup(topic);
  };
  const rows = [
    read('ping', [], () => pong),
    read('info', [], () => info),
    read('debug', [], () => lists.debug()),
    read('topics', [], () => lists.topics()),
    read('nodes', [], () => lists.nodes()),
    read('channels', [anyTopic], (topic) => lists.channels(topic)),
    zonePolicy === 'off' ? lookup : { ...lookup, answer: lookupFrom },
    write('topic/create', [legalTopic], createTopic),
    write('topic/delete', [anyTopic], deleteTopic),
    write('topic/tombstone', [anyTopic, anyNode], tombstone),
    write('channel/create', [legalTopic, legalChannel], createChannel),
    write('channel/delete', [legalTopic, legalChannel], deleteChannel),
  ];
  return rows.map((row) => ({ about: ROUTE_DESCRIPTIONS[`${row.method} ${row.path}`], ...row }));
}

type Answer = ReturnType<RouteRow['answer']>;

const anyTopic: RouteArgument = { name: 'topic', about: 'a topic; * in a read is any' };
const legalTopic: RouteArgument = { name: 'topic', isLegal: isTopicName, about: 'a legal topic name' };
const legalChannel: RouteArgument = { name: 'channel', isLegal: isChannelName, about: 'a legal channel name' };
const anyNode: RouteArgument = { name: 'node', about: 'broadcast address:HTTP port' };
