/** The nsqlookupd whose answers these are, as `/info` and IDENTIFY tell it. */
export const NSQLOOKUPD_VERSION = '1.3.0';
