import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type CertificateFiles = {
  readonly key: string;
  readonly certificate: string;
  readonly keyPem: string;
  readonly certificatePem: string;
};

/** A self-signed certificate of openssl, for 30 days. */
export async function makeCertificate(
  folder: string,
  name: string,
  host = 'localhost',
): Promise<CertificateFiles> {
  const key = join(folder, `${name}.key`);
  const certificate = join(folder, `${name}.pem`);
  await run('openssl', [
    ...[
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
    ],
    ...['-keyout', key, '-out', certificate, '-addext', `subjectAltName=DNS:${host},IP:127.0.0.1`],
    ...['-days', '30'],
  ]);
  return {
    ...{ key, certificate },
    keyPem: await readFile(key, 'utf8'),
    certificatePem: await readFile(certificate, 'utf8'),
  };
}

/** As a manifest names it: by openssl. */
export async function fingerprintOf(certificate: string): Promise<string> {
  const { stdout } = await run('openssl', ['x509', '-in', certificate, '-noout', '-fingerprint', '-sha256']);
  return `sha256:${stdout.trim().split('=')[1]?.replaceAll(':', '').toLowerCase() ?? ''}`;
}
