/** A peer, as `/watch` tells of it. */
export interface PeerJson {
  readonly remote_address: string;
  readonly hostname: string;
  readonly broadcast_address: string;
  readonly tcp_port: number;
  readonly http_port: number;
  readonly version: string;
  readonly topology_zone: string;
  readonly topology_region: string;
  readonly last_update_ms: number;
}

/** A change, as `/watch` tells it. */
export interface ChangeJson {
  readonly revision: number;
  readonly type: string;
  readonly category?: string;
  readonly topic?: string;
  readonly channel?: string;
  readonly is_made?: boolean;
  readonly peer_key?: string;
  readonly peer?: PeerJson;
  readonly tombstoned_at_ms?: number;
}

/** A part of a snapshot, as `/watch` tells it. */
export interface PartJson {
  readonly part: number;
  readonly is_last: boolean;
  readonly peers: Readonly<Record<string, PeerJson>>;
  readonly registrations: readonly {
    readonly category: string;
    readonly topic: string;
    readonly channel: string;
    readonly is_made: boolean;
    readonly producers: readonly { readonly peer_key: string; readonly tombstoned_at_ms?: number }[];
  }[];
}
