import { aBoolean, anArray, anObject, oneOf, text, type Check, type Checks } from '../base/options.js';
import { toNetworkTest } from '../base/networks.js';
import { zoneByNetwork, type ZoneTable } from '../http/index.js';
import { rewriteAddress, type Admit } from '../tcp/index.js';

/** Where consumers are told to find producers, when no row of `rewrite` says so. */
export const PRODUCER_ADDRESSES = ['announced', 'remote'] as const;
/** Where a producer is found: where it says, or where it comes from. */
export type ProducerAddress = (typeof PRODUCER_ADDRESSES)[number];

/** Who may read, write and register, besides what `authorize` and `admit` say. */
export interface AccessOptions {
  /**
   * The path of a file of lines `TOKEN read`, `TOKEN write`, or `cn:NAME read|write` for the common name in a client's certificate.
   * Without a token that is known, or such a name: 401; with too little: 403. Default: no token is wanted.
   */
  readonly authTokenFile?: string | undefined;
  /** Addresses and networks, such as `10.0.0.0/8` or `fd00::/8`, that may read over HTTP. Default: all. */
  readonly readFrom?: readonly string[] | undefined;
  /** Addresses and networks that may write over HTTP. Default: all. */
  readonly writeFrom?: readonly string[] | undefined;
  /** Addresses and networks that peers may come from. Default: all. */
  readonly registerFrom?: readonly string[] | undefined;
  /** Addresses and networks of proxies, whose `X-Forwarded-For` says who asks over HTTP. Default: none. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Whether nobody may write over HTTP. Default: false. */
  readonly readOnly?: boolean | undefined;
  /** Whether anybody may ask for `/metrics`. Default: false. */
  readonly metricsOpen?: boolean | undefined;
  /** Whether anybody may ask for `/healthz`. Default: true. */
  readonly healthzOpen?: boolean | undefined;
  /** Whether anybody may ask for `/readyz`. Default: true. */
  readonly readyzOpen?: boolean | undefined;
  /** Where consumers find producers: `announced`, `remote` (the peer's own address), or what `rewriteAddress` makes. Default `announced`. */
  readonly producerAddress?: ProducerAddress | Admit | undefined;
  /** Other addresses of producers, by what they announce, or by the network that they come from, as `rewriteAddress` takes them. */
  readonly rewrite?: Readonly<Record<string, string>> | undefined;
  /** Where callers are who do not say it, by the network that they ask from, as `zoneByNetwork` takes them. Default: nobody knows. */
  readonly zones?: ZoneTable | undefined;
}

const networks: Check = (name, value) => {
  anArray(name, value);
  toNetworkTest(name, value as readonly string[]);
};

/** What checks who may. */
export const ACCESS_CHECKS: Checks<AccessOptions> = {
  authTokenFile: text,
  readFrom: networks,
  writeFrom: networks,
  registerFrom: networks,
  trustedProxies: networks,
  readOnly: aBoolean,
  metricsOpen: aBoolean,
  healthzOpen: aBoolean,
  readyzOpen: aBoolean,
  producerAddress: (name, value) => {
    if (typeof value !== 'function') oneOf(PRODUCER_ADDRESSES)(name, value);
  },
  zones: (_, value) => void zoneByNetwork(value as ZoneTable),
  rewrite: (name, value) => {
    anObject(name, value);
    rewriteAddress(value as Readonly<Record<string, string>>);
  },
};
