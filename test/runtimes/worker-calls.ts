/** A lookupd without a socket, and the calls with which tests outside of workerd fill and turn it. */
import { createHttpHandler, toFetchHandler } from 'nsqlookupd/http';
import { encodePeerMessage, encodeReply, PeerDecoder, ReplyDecoder } from 'nsqlookupd/protocol';
import type { Announcement, Fault, PeerMessage, Reply } from 'nsqlookupd/protocol';
import { RegistrationDB, Topology, type PeerInfo } from 'nsqlookupd/registry';
import { Session, type SessionOutput } from 'nsqlookupd/tcp';

export const CALL_PATH = '/of-the-tests';

export interface Lifetimes {
  readonly inactiveProducerTimeoutMs?: number;
  readonly tombstoneLifetimeMs?: number;
}

/** A `SessionOutput` as JSON has it. */
export interface Output {
  readonly bytes: readonly number[];
  readonly close: boolean;
}

const START_MS = 1_790_000_000_000;

function createWorld(lifetimes: Lifetimes = {}) {
  const world = { now: START_MS };
  const topology = new Topology({ db: new RegistrationDB(), clock: () => world.now, ...lifetimes });
  const answer = toFetchHandler(createHttpHandler({ topology }));
  return Object.assign(world, { topology, answer, sessions: new Map<string, Session>() });
}

let world = createWorld();

const sessionOf = (address: string) => world.sessions.get(address)!;
const toOutput = ({ bytes, close }: SessionOutput): Output => ({ bytes: [...bytes], close });

/** Takes messages until there are no more, one byte at a time. */
function decode<T>(decoder: { push(bytes: Uint8Array): void; next(): T | undefined }, bytes: Uint8Array): T[] {
  const messages: T[] = [];
  for (const byte of bytes) {
    decoder.push(Uint8Array.of(byte));
    for (let message = decoder.next(); message !== undefined; message = decoder.next()) messages.push(message);
  }
  return messages;
}

const calls = {
  reset: (lifetimes: Lifetimes) => void (world = createWorld(lifetimes)),
  sleep: (ms: number) => void (world.now += ms),
  /** Peers, by the topics and channels that they carry. */
  fill: (peers: readonly (readonly [PeerInfo, Readonly<Record<string, readonly string[]>>])[]) => {
    for (const [peer, carried] of peers) {
      const own = { ...peer, lastUpdateMs: world.now };
      world.topology.join(own);
      for (const [topic, channels] of Object.entries(carried)) {
        world.topology.register(own, topic);
        for (const channel of channels) world.topology.register(own, topic, channel);
      }
    }
  },
  open: (address: string, announcement: Announcement) => {
    const session = new Session({ topology: world.topology, announce: () => announcement, remoteAddress: address });
    world.sessions.set(address, session);
  },
  receive: (address: string, bytes: readonly number[]) => toOutput(sessionOf(address).receive(Uint8Array.from(bytes))),
  end: (address: string) => toOutput(sessionOf(address).end()),
  /** Messages as bytes, and as the decoder has them back. */
  peerMessages: (messages: readonly PeerMessage[]): readonly (PeerMessage | Fault)[] => {
    const decoder = new PeerDecoder();
    return messages.flatMap((message) => decode(decoder, encodePeerMessage(message)));
  },
  replies: (replies: readonly Reply[]): readonly (Reply | Fault)[] => {
    const decoder = new ReplyDecoder();
    return replies.flatMap((reply) => decode(decoder, encodeReply(reply)));
  },
  /** Which of these names the global scope has. */
  globals: (names: readonly string[]) => names.filter((name) => name in globalThis),
};

export type Calls = typeof calls;

/** Makes a call of the tests: its name and arguments, as JSON. */
export async function call(request: Request): Promise<Response> {
  const [name, args] = (await request.json()) as [keyof Calls, never[]];
  const made = calls[name] as (...args: never[]) => unknown;
  return new Response(JSON.stringify(made(...args) ?? null));
}

/** Answers as the lookupd's HTTP side. */
export function answer(request: Request): Promise<Response> {
  return world.answer(request);
}
