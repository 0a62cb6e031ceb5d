import { toPrintable } from '../base/text.js';
import { createFindings, FINDING_KINDS, type Finding, type FindingKind, type Findings } from '../operate/index.js';
import { DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS, DEFAULT_TOMBSTONE_LIFETIME_MS } from '../registry/index.js';
import { SettingError } from './flags.js';
import { isReachable, resolveName } from './own-findings.js';
import { anObject, readTopology, RemoteError, type AskJson } from './remote-topology.js';
import { BOOLEAN, duration, type Kind } from './setting-kinds.js';
import { row } from './settings/setting.js';
import { createSubcommandFetch, FETCH_FLAGS } from './subcommand-fetch.js';
import { parseSubcommand, routeAt, subcommandUsage } from './subcommand-args.js';

const FORMAT: Kind<'text' | 'json'> = {
  parse: (text) => (text === 'text' || text === 'json' ? text : undefined),
  show: String,
  like: 'format',
  allowed: 'text or json',
  toml: 'string',
};

const FLAGS = {
  help: row(BOOLEAN, false, 'print this and exit'),
  ...FETCH_FLAGS,
  format: row(FORMAT, 'text', 'text or json'),
  probe: row(BOOLEAN, false, 'also connect to every port that an nsqd announces'),
  timeout: row(duration(1, 600_000), 30_000, 'by when each answer must have come'),
  'inactive-producer-timeout': row(
    duration(),
    DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
    'what the lookupd was started with',
  ),
  'tombstone-lifetime': row(duration(), DEFAULT_TOMBSTONE_LIFETIME_MS, 'what the lookupd was started with'),
};

const FOUND = 1;
const NOT_ASKED = 2;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** Only the lookupd itself can tell these. */
const ITS_OWN: readonly FindingKind[] = [
  'zone-alone',
  'reconnecting',
  'shared-registry-away',
  'union-lookupd-down',
  'shared-lookupd-gone',
  'certificate-expiring',
  'limit-near',
];

/** Tells what is wrong with the topology of a lookupd: 0 for nothing, 1 for findings, 2 when it cannot be asked, or for a bad flag. */
export async function runCheck(args: readonly string[]): Promise<number> {
  try {
    const { flags, url } = parseSubcommand(args, FLAGS);
    if (flags.help) {
      process.stdout.write(subcommandUsage('nsqlookupd check [flags] URL', FLAGS));
      return 0;
    }
    if (!url) throw new SettingError('a URL is missing, such as http://127.0.0.1:4161');
    const timeoutMs = flags.timeout ?? FLAGS.timeout.default;
    const ask = createAsk(url, timeoutMs, createSubcommandFetch(url, flags));
    const topology = await readTopology(ask, {
      inactiveProducerTimeoutMs: flags['inactive-producer-timeout'] ?? DEFAULT_INACTIVE_PRODUCER_TIMEOUT_MS,
      tombstoneLifetimeMs: flags['tombstone-lifetime'] ?? DEFAULT_TOMBSTONE_LIFETIME_MS,
    });
    const probe = flags.probe ? isReachable : undefined;
    const source = createFindings({
      topology,
      resolve: resolveName,
      probe,
      networkTimeoutMs: timeoutMs,
      maxRegistrationsPerPeer: Infinity,
    });
    const found = await source.read();
    const findings = { ...found, findings: [...found.findings, ...(await askItsOwn(ask))] };
    const toText = flags.format === 'json' ? toJsonText : toReadable;
    await new Promise((resolve) => process.stdout.write(toText(findings, url), resolve));
    return findings.findings.length > 0 ? FOUND : 0;
  } catch (error) {
    if (!(error instanceof SettingError) && !(error instanceof RemoteError)) throw error;
    process.stderr.write(`nsqlookupd check: ${toPrintable(error.message)}\n`);
    return NOT_ASKED;
  }
}

function createAsk(base: URL, timeoutMs: number, fetch: ReturnType<typeof createSubcommandFetch>): AskJson {
  return async (route) => {
    const where = route.replace(/\?.*/, '');
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const headers = { Accept: 'application/vnd.nsq; version=1.0' };
      const response = await fetch(routeAt(base, route), { signal, headers });
      if (response.status !== 200) throw new RemoteError(`${where} answered ${response.status}`);
      // Ages are told by its clock, which need not agree with ours.
      const nowMs = Date.parse(response.headers.get('date') ?? '') || Date.now();
      return { value: JSON.parse(await readText(response, where)) as unknown, nowMs };
    } catch (error) {
      if (error instanceof RemoteError) throw error;
      const { message, cause } = error as Error;
      throw new RemoteError(
        `${where} cannot be asked - ${cause instanceof Error ? cause.message || message : message}`,
      );
    }
  };
}

async function readText(response: Response, where: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RemoteError(`${where} is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What `/findings` knows beside; nothing where there is none, as in the original. */
async function askItsOwn(ask: AskJson): Promise<Finding[]> {
  const answer = await ask('/findings').catch(() => undefined);
  if (!answer) return [];
  const { findings } = anObject(answer.value, '/findings');
  return (Array.isArray(findings) ? (findings as readonly unknown[]) : []).flatMap((finding) => {
    const { kind, subject, seen } = anObject(finding, '/findings');
    const known = ITS_OWN.find((own) => own === kind);
    return known ? [{ kind: known, subject: String(subject), seen: String(seen), ...FINDING_KINDS[known] }] : [];
  });
}

function toJsonText({ findings, leftOut, unchecked }: Findings): string {
  return `${JSON.stringify({ findings, left_out: leftOut, unchecked }, undefined, 2)}\n`;
}

function toReadable({ findings, leftOut, unchecked }: Findings, url: URL): string {
  const parts = findings.map(({ kind, subject, seen, why, advice }) =>
    [`${kind}: ${subject}`, `  seen: ${seen}`, `  why:  ${why}`, `  do:   ${advice}`].map(toPrintable).join('\n'),
  );
  const more = Object.entries(leftOut).map(([kind, count]) => `… and ${count} more of ${kind}`);
  if (unchecked > 0) more.push(`${unchecked} names or ports could not be checked`);
  const count = findings.length === 1 ? '1 finding' : `${findings.length || 'no'} findings`;
  return `${[`${count} at ${url.host}`, ...parts, ...more].join('\n\n')}\n`;
}
