import {
  DEFAULT_ANSWER_TIMEOUT_MS,
  DEFAULT_MAX_IGNORED_BODY_BYTES,
  DEFAULT_MAX_PIPELINED_REQUESTS,
  DEFAULT_MAX_UNSENT_BYTES,
} from '../../http/index.js';
import { DEFAULT_MAX_BODY_BYTES, DEFAULT_MAX_FIELD_LENGTH, DEFAULT_MAX_LINE_BYTES } from '../../protocol/index.js';
import { DEFAULT_MAX_REGISTRATIONS, DEFAULT_MAX_REGISTRATIONS_PER_PEER } from '../../registry/index.js';
import {
  DEFAULT_DRAIN_TIMEOUT_MS,
  DEFAULT_IDENTIFY_TIMEOUT_MS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_UNFINISHED_BYTES,
  DEFAULT_SILENCE_TIMEOUT_MS,
} from '../../tcp/index.js';
import {
  DEFAULT_HTTP_IDLE_TIMEOUT_MS,
  DEFAULT_HTTP_MAX_CONNECTIONS,
  DEFAULT_HTTP_MAX_HEADER_BYTES,
  DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
} from '../http-server.js';
import { MAX_INT32 } from '../lookupd-options.js';
import { BOOLEAN, duration, integer } from '../setting-kinds.js';
import { ofHeap, row } from './setting.js';

/** The limits of peers and of clients. */
export const LIMIT_SETTINGS = {
  'max-line-bytes': row(integer(1), DEFAULT_MAX_LINE_BYTES, 'the longest command line of a peer', {
    option: 'limits.maxLineBytes',
    atLimit: '`E_INVALID`, closed',
  }),
  'max-body-bytes': row(integer(1), DEFAULT_MAX_BODY_BYTES, 'the longest body of an IDENTIFY', {
    option: 'limits.maxBodyBytes',
    atLimit: '`E_BAD_BODY`, closed',
  }),
  'max-field-length': row(integer(1), DEFAULT_MAX_FIELD_LENGTH, 'the longest string in an IDENTIFY that is kept', {
    option: 'limits.maxFieldLength',
    atLimit: '`E_BAD_BODY`, closed',
  }),
  'max-connections': row(integer(), DEFAULT_MAX_CONNECTIONS, 'the most connections of peers', {
    option: 'maxConnections',
    atLimit: '`E_INVALID`, closed',
  }),
  'max-unfinished-bytes': row(
    integer(),
    Math.min(ofHeap(16), DEFAULT_MAX_UNFINISHED_BYTES),
    'the most bytes of incomplete or unanswered commands, of all peers together',
    {
      option: 'maxUnfinishedBytes',
      defaultText: '67108864, or a sixteenth of the heap if that is less',
      atLimit: '`E_INVALID`, closed: who has most',
    },
  ),
  'max-registrations': row(integer(), DEFAULT_MAX_REGISTRATIONS, 'the most registrations and producers, together', {
    option: 'maxRegistrations',
    atLimit: '`E_INVALID` for that REGISTER, the connection stays; 503 `TOO_MANY_REGISTRATIONS` over HTTP',
  }),
  'max-registrations-per-peer': row(
    integer(),
    DEFAULT_MAX_REGISTRATIONS_PER_PEER,
    'the most registrations of one peer',
    { option: 'maxRegistrationsPerPeer', atLimit: '`E_INVALID` for that REGISTER, the connection stays' },
  ),
  'max-registry-bytes': row(integer(), ofHeap(2), 'about the most bytes of memory that the registry may take', {
    option: 'maxRegistryBytes',
    defaultText: "half of the heap's limit",
    atLimit: '`E_INVALID` for that REGISTER, the connection stays; 503 `TOO_MANY_REGISTRATIONS` over HTTP',
  }),
  'identify-timeout': row(duration(1), DEFAULT_IDENTIFY_TIMEOUT_MS, 'how long a peer may take to send its IDENTIFY', {
    option: 'identifyTimeoutMs',
    atLimit: '`E_INVALID`, closed',
  }),
  'silence-timeout': row(
    duration(1),
    DEFAULT_SILENCE_TIMEOUT_MS,
    'how long a peer may send nothing; not less than three times the inactive-producer-timeout unless set',
    { option: 'silenceTimeoutMs', onlyGiven: true, atLimit: '`E_INVALID`, closed' },
  ),
  'drain-timeout': row(duration(1), DEFAULT_DRAIN_TIMEOUT_MS, 'how long a peer may leave answers unread', {
    option: 'drainTimeoutMs',
    atLimit: 'closed',
  }),
  'http-max-connections': row(integer(1), DEFAULT_HTTP_MAX_CONNECTIONS, 'the most HTTP connections', {
    option: 'httpMaxConnections',
    atLimit: 'closed',
  }),
  'http-max-header-bytes': row(
    integer(1, MAX_INT32),
    DEFAULT_HTTP_MAX_HEADER_BYTES,
    'the longest HTTP request line and headers',
    { option: 'httpMaxHeaderBytes', atLimit: '431, closed' },
  ),
  'http-max-body-bytes': row(
    integer(),
    DEFAULT_MAX_IGNORED_BODY_BYTES,
    'an HTTP request with a longer body is answered and its connection closed',
    { option: 'httpMaxBodyBytes', atLimit: 'the answer, closed' },
  ),
  'http-request-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_HTTP_REQUEST_TIMEOUT_MS,
    'how long an HTTP request may take to arrive, and a client may read nothing of its answer',
    { option: 'httpRequestTimeoutMs', atLimit: '408 or nothing, closed' },
  ),
  'http-idle-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_HTTP_IDLE_TIMEOUT_MS,
    'how long an HTTP connection may stay idle',
    { option: 'httpIdleTimeoutMs', atLimit: 'closed' },
  ),
  'http-answer-timeout': row(
    duration(1, MAX_INT32),
    DEFAULT_ANSWER_TIMEOUT_MS,
    'how long a client may take to read its whole answer',
    { option: 'httpAnswerTimeoutMs', atLimit: 'cut off' },
  ),
  'http-max-unsent-bytes': row(
    integer(),
    DEFAULT_MAX_UNSENT_BYTES,
    'the most bytes of answers that clients have not read, of all together',
    { option: 'httpMaxUnsentBytes', atLimit: 'the longest-waiting is cut off' },
  ),
  'http-max-pipelined-requests': row(
    integer(),
    DEFAULT_MAX_PIPELINED_REQUESTS,
    'the most requests that wait for one before them on their connection, of all connections together',
    { option: 'httpMaxPipelinedRequests', atLimit: 'cut off' },
  ),
  'http-fast-path': row(
    BOOLEAN,
    true,
    'read and answer plain requests to routes that read without node:http, at less cost',
    { option: 'httpFastPath' },
  ),
};
