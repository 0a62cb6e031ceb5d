type Subcommand = (args: readonly string[]) => Promise<number>;

/** What the command does when this is its first argument; each is loaded when it is called. */
const SUBCOMMANDS: ReadonlyMap<string | undefined, Subcommand> = new Map<string, Subcommand>([
  ['check', async (args) => (await import('./check-command.js')).runCheck(args)],
  ['health', async (args) => (await import('./health-command.js')).runHealth(args)],
]);

export const SUBCOMMAND_USAGE = `Commands:
  nsqlookupd check [flags] URL
        tells what is wrong with the topology of a running lookupd, also of the original (-help lists the flags)
  nsqlookupd health [flags] [URL]
        asks a running lookupd whether it serves: exit code 0, or 1 if not
`;

export function findSubcommand(name: string | undefined): Subcommand | undefined {
  return SUBCOMMANDS.get(name);
}
