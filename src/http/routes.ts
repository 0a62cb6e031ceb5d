import { isChannelName, isTopicName, type Topology } from '../registry/index.js';
import type { HttpRequest, HttpResponse } from './http-message.js';
import { createPprofRoutes } from './pprof.js';
import { parseQuery } from './query.js';
import { done, failure, json, text, toJson } from './responses.js';
import { lookupToJson, nodesToJson, registryToJson } from './wire-json.js';

export type Route = (request: HttpRequest) => HttpResponse;
export type Methods = Partial<Record<'GET' | 'POST', Route>>;
/** By path, then by method. */
export type Routes = ReadonlyMap<string, Methods>;

export interface RouteOptions {
  readonly topology: Topology;
  readonly version: string;
  readonly commandLine: readonly string[];
}

/** Everything that nsqlookupd answers over HTTP. */
export function createRoutes({ topology, version, commandLine }: RouteOptions): Routes {
  return new Map<string, Methods>([
    ['/ping', { GET: () => text('OK') }],
    ['/info', { GET: () => json(toJson({ version })) }],
    ['/debug', { GET: () => json(registryToJson(topology.db.entries())) }],
    ['/topics', { GET: () => json(toJson({ topics: topology.topics() })) }],
    ['/nodes', { GET: () => json(nodesToJson(topology.nodes())) }],
    ['/channels', { GET: withArgs([anyTopic], (topic) => json(toJson({ channels: topology.channels(topic) }))) }],
    [
      '/lookup',
      {
        GET: withArgs([anyTopic], (topic) => {
          const result = topology.lookup(topic);
          return result ? json(lookupToJson(result)) : failure(404, 'TOPIC_NOT_FOUND');
        }),
      },
    ],
    [
      '/topic/create',
      {
        POST: withArgs([legalTopic], (topic) => {
          topology.createTopic(topic);
          return done();
        }),
      },
    ],
    [
      '/topic/delete',
      {
        POST: withArgs([anyTopic], (topic) => {
          topology.deleteTopic(topic);
          return done();
        }),
      },
    ],
    [
      '/topic/tombstone',
      {
        POST: withArgs([anyTopic, anyNode], (topic, node) => {
          topology.tombstone(topic, node);
          return done();
        }),
      },
    ],
    [
      '/channel/create',
      {
        POST: withArgs([legalTopic, legalChannel], (topic, channel) => {
          topology.createChannel(topic, channel);
          return done();
        }),
      },
    ],
    [
      '/channel/delete',
      {
        POST: withArgs([legalTopic, legalChannel], (topic, channel) =>
          topology.deleteChannel(topic, channel) ? done() : failure(404, 'CHANNEL_NOT_FOUND'),
        ),
      },
    ],
    ...createPprofRoutes(commandLine),
  ]);
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
  return ({ query }) => {
    const args = parseQuery(query);
    if (!args) return failure(400, 'INVALID_REQUEST');
    const values: string[] = [];
    for (const { name, isLegal } of wanted) {
      const value = args.get(name);
      if (value === undefined) return failure(400, `MISSING_ARG_${name.toUpperCase()}`);
      if (isLegal?.(value) === false) return failure(400, `INVALID_ARG_${name.toUpperCase()}`);
      values.push(value);
    }
    return route(...(values as { [I in keyof A]: string }));
  };
}
