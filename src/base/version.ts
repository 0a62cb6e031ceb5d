/** The nsqlookupd whose answers these are, as `/info` and IDENTIFY tell it. */
export const NSQLOOKUPD_VERSION = '1.3.0';
/** This package's own version; a test holds it equal to package.json's. */
export const PACKAGE_VERSION = '0.1.0';
