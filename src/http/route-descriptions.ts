import type { AnswerDescription, JsonSchema, RouteDescription } from './route-row.js';

const STRING: JsonSchema = { type: 'string' };
const INTEGER: JsonSchema = { type: 'integer' };
const BOOLEAN: JsonSchema = { type: 'boolean' };
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });

/** An object that has these members and no others. */
const exactly = (properties: Readonly<Record<string, JsonSchema>>): JsonSchema => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

/** A call, as bundlers take what spreads an object for something that has an effect. */
const both = <A extends object, B extends object>(some: A, more: B): A & B => ({ ...some, ...more });

const PORT: JsonSchema = { type: 'integer', minimum: 1, maximum: 65_535 };
const IDENTITY = {
  hostname: STRING,
  broadcast_address: STRING,
  tcp_port: PORT,
  http_port: PORT,
  version: STRING,
  topology_zone: STRING,
  topology_region: STRING,
};
const PEER = both({ remote_address: STRING }, IDENTITY);
const NODE = exactly(both(PEER, { tombstones: listOf(BOOLEAN), topics: listOf(STRING) }));
const DEBUG_PRODUCER = exactly(
  both(IDENTITY, { id: STRING, last_update: INTEGER, tombstoned: BOOLEAN, tombstoned_at: INTEGER }),
);

const json = (description: string, schema: JsonSchema): AnswerDescription => ({
  description,
  content: { 'application/json': schema },
});
const text = (description: string, type = 'text/plain'): AnswerDescription => ({
  description,
  content: { [type]: STRING },
});
const message = (word: string): AnswerDescription => json(word, exactly({ message: { const: word } }));

const DONE: AnswerDescription = { description: 'done' };
const FULL = message('TOO_MANY_REGISTRATIONS');

const DESCRIPTIONS: Readonly<Record<string, RouteDescription>> = {
  'GET /ping': { summary: 'whether it serves', answers: { 200: text('OK') } },
  'GET /info': { summary: 'the version', answers: { 200: json('the version', exactly({ version: STRING })) } },
  'GET /topics': { summary: 'all topics', answers: { 200: json('their names', exactly({ topics: listOf(STRING) })) } },
  'GET /channels': {
    summary: 'the channels of a topic',
    answers: { 200: json('their names', exactly({ channels: listOf(STRING) })) },
  },
  'GET /lookup': {
    summary: 'the channels and active producers of a topic',
    answers: {
      200: json('where the topic lives', exactly({ channels: listOf(STRING), producers: listOf(exactly(PEER)) })),
      404: message('TOPIC_NOT_FOUND'),
    },
  },
  'GET /nodes': {
    summary: 'the peers, with their topics and tombstones',
    answers: { 200: json('the peers that were heard of', exactly({ producers: listOf(NODE) })) },
  },
  'GET /debug': {
    summary: 'every registration with its producers',
    answers: {
      200: json('by category:key:subkey; times are nanoseconds', {
        type: 'object',
        additionalProperties: listOf(DEBUG_PRODUCER),
      }),
    },
  },
  'POST /topic/create': { summary: 'adds a topic that needs no producer', answers: { 200: DONE, 503: FULL } },
  'POST /topic/delete': { summary: 'removes a topic and its channels', answers: { 200: DONE } },
  'POST /topic/tombstone': {
    summary: 'hides the producer at a node from lookups of a topic for a while',
    answers: { 200: DONE },
  },
  'POST /channel/create': { summary: 'adds a channel, and its topic', answers: { 200: DONE, 503: FULL } },
  'POST /channel/delete': {
    summary: 'removes a channel',
    answers: { 200: DONE, 404: message('CHANNEL_NOT_FOUND') },
  },
};

/** What to say of a route of nsqlookupd. */
export function describeRoute(method: 'GET' | 'POST', name: string): RouteDescription | undefined {
  return DESCRIPTIONS[`${method} /${name}`];
}
