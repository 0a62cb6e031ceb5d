import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is an openssl to make certificates with; why not, for `skip`. */
export const NO_OPENSSL =
  spawnSync('openssl', ['version']).status === 0 ? false : 'no openssl to make certificates with';

/** A certificate and its key, as files and as text. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes certificates in a folder of its own, which goes with it. */
export class CertificateFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'nsqlookupd-tls-'));
  #made = 0;

  /** A root that signs others. */
  createCa(name: string): Certificate {
    const { keyFile, certFile } = this.#files();
    this.#openssl(['req', '-x509', ...newKey(keyFile), '-out', certFile, '-days', '2', '-subj', `/CN=${name}`]);
    return read(certFile, keyFile);
  }

  /** One for localhost and the loopback addresses, and for clients. */
  create(ca: Certificate, name: string, { subject = `/CN=${name}`, days = '2' } = {}): Certificate {
    const { keyFile, certFile } = this.#files();
    const [request, extensions] = [`${certFile}.csr`, `${certFile}.ext`];
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n');
    this.#openssl(['req', '-new', ...newKey(keyFile), '-out', request, '-subj', subject]);
    const signing = ['-CA', ca.certFile, '-CAkey', ca.keyFile, '-set_serial', String(Date.now() * 1000 + this.#made)];
    this.#openssl([
      'x509',
      '-req',
      '-in',
      request,
      ...signing,
      '-days',
      days,
      '-extfile',
      extensions,
      '-out',
      certFile,
    ]);
    return read(certFile, keyFile);
  }

  /** A path in the folder. */
  file(name: string, text?: string, mode?: number): string {
    const path = join(this.path, name);
    if (text !== undefined) writeFileSync(path, text, { mode });
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  #files() {
    const name = join(this.path, String(++this.#made));
    return { certFile: `${name}.pem`, keyFile: `${name}.key` };
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe', timeout: 20_000 });
  }
}

function newKey(keyFile: string): readonly string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
}

function read(certFile: string, keyFile: string): Certificate {
  return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
