/** How it stands with what is shared. */
export interface SharedStatus {
  /** What names this lookupd among those that share; another one after each start. */
  readonly origin: string;
  /** Whether what carries it is there, and all is read that was kept. */
  readonly isConnected: boolean;
  /** Whether all that others know has been read at least once. */
  readonly isRead: boolean;
  /** Why it is not connected; undefined if it is. */
  readonly failure: string | undefined;
  /** The other lookupds, with their peers that are answered for here. */
  readonly lookupds: readonly { readonly origin: string; readonly isGone: boolean; readonly peers: number }[];
  /** Since the start: batches that were published and heard, readings of all that is kept of a lookupd, connections that were lost. */
  readonly counts: Readonly<Record<'published' | 'heard' | 'readings' | 'lost', number>>;
  /** What others have told that was not readable, and what was past a limit of this one. */
  readonly unreadable: number;
  /** See `unreadable`. */
  readonly refused: number;
}
