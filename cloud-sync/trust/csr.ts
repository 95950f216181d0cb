import { createPublicKey } from 'node:crypto';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';
import { importKeyPair } from './keys.ts';
import { loadX509, signing } from './x509.ts';

const maxCsrChars = 16_384;

export type CheckedCsr = {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** SHA-256 of `publicKey`: what an enrolment secret is bound to. */
  readonly keyDigest: Digest;
};

/** A PKCS #10 request (PEM) that proves possession of the key. Its subject is only a remark: the CA sets the name. */
export async function createCsr(privateKeyPem: string, device: string): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await loadX509();
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [device] }],
    keys: await importKeyPair(privateKeyPem),
    signingAlgorithm: signing,
  });
  return csr.toString('pem');
}

/** The key a request asks a certificate for. Rejects with `badCsr` unless it is P-256 and signed the request itself. */
export async function checkCsr(csr: string): Promise<CheckedCsr> {
  if (csr.length > maxCsrChars) throw badCsr(`is longer than ${maxCsrChars} characters`);
  const { Pkcs10CertificateRequest } = await loadX509();
  try {
    const request = new Pkcs10CertificateRequest(csr);
    const publicKey = Buffer.from(request.publicKey.rawData);
    if (!isP256(publicKey)) throw badCsr('is not for an ECDSA P-256 key');
    if (!(await request.verify())) throw badCsr('is not signed by the key it names');
    return { publicKey, keyDigest: digestOf(publicKey) };
  } catch (cause) {
    if (cause instanceof SyncError) throw cause;
    throw badCsr('cannot be read', cause);
  }
}

function isP256(spki: Buffer): boolean {
  const key = createPublicKey({ key: spki, type: 'spki', format: 'der' });
  return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

function badCsr(why: string, cause?: unknown): SyncError {
  return new SyncError('badCsr', `The certificate request ${why}`, {
    cause,
    hint: 'Make a new key and request with this version of the agent.',
  });
}
