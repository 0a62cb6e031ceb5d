import { isChannelName, isTopicName, type Topology } from '../registry/index.js';
import { KeptCache } from './kept-cache.js';
import { createListAnswers } from './list-answers.js';
import { done, failure, json, kept, text, toBytes, toJson } from './responses.js';
import { describeRoute } from './route-descriptions.js';
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

  const lookup = toRow('GET', 'lookup', [anyTopic], (topic) => lists.lookup(topic));
  const lookupFrom: RouteRow['answer'] = (request, topic = '') => {
    const place = placeOf(request, zoneOf);
    return place ? lists.lookupFrom(topic, place, zonePolicy) : lists.lookup(topic);
  };
  return [
    toRow('GET', 'ping', [], () => pong),
    toRow('GET', 'info', [], () => info),
    toRow('GET', 'debug', [], () => lists.debug()),
    toRow('GET', 'topics', [], () => lists.topics()),
    toRow('GET', 'nodes', [], () => lists.nodes()),
    toRow('GET', 'channels', [anyTopic], (topic) => lists.channels(topic)),
    zonePolicy === 'off' ? lookup : { ...lookup, answer: lookupFrom },
    toRow('POST', 'topic/create', [legalTopic], createTopic),
    toRow('POST', 'topic/delete', [anyTopic], deleteTopic),
    toRow('POST', 'topic/tombstone', [anyTopic, anyNode], tombstone),
    toRow('POST', 'channel/create', [legalTopic, legalChannel], createChannel),
    toRow('POST', 'channel/delete', [legalTopic, legalChannel], deleteChannel),
  ];
}

type Answer = ReturnType<RouteRow['answer']>;

function toRow(
  method: 'GET' | 'POST',
  name: string,
  args: readonly RouteArgument[],
  answer: (...values: string[]) => Answer,
): RouteRow {
  return {
    method,
    path: `/${name}`,
    args,
    action: { name, kind: method === 'GET' ? 'read' : 'write' },
    get about() {
      return describeRoute(method, name);
    },
    answer: (_, ...values) => answer(...values),
  };
}

const anyTopic: RouteArgument = { name: 'topic', about: 'a topic; * in a read is any' };
const legalTopic: RouteArgument = { name: 'topic', isLegal: isTopicName, about: 'a legal topic name' };
const legalChannel: RouteArgument = { name: 'channel', isLegal: isChannelName, about: 'a legal channel name' };
const anyNode: RouteArgument = { name: 'node', about: 'broadcast address:HTTP port' };
