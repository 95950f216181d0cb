import { createPublicKey, randomBytes, type webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Extension } from '@peculiar/x509';
import { atomicWrite } from '../../lib/atomic-write.ts';
import type { Digest } from '../../lib/digest.ts';
import { errorCode } from '../../lib/error-code.ts';
import { makeFolder } from '../../lib/make-folder.ts';
import { SyncError } from '../errors.ts';
import { checkCsr } from './csr.ts';
import { certificatePin, deviceUri, normalSerial, readCertificate } from './device-certificate.ts';
import { createDeviceKey, importKeyPair } from './keys.ts';
import { loadX509, signing } from './x509.ts';

const dayMs = 86_400_000;
const caDays = 20 * 365;
const serverDays = 825;
/** Until certificates are renewed over the wire, a device must outlive its warranty; theft is answered by revoking. */
const deviceDays = 5 * 365;
/** Certificates begin in the past, for peers whose clocks are late. */
const skewMs = dayMs;

export type CertificateAuthorityOptions = {
  /** Holds `ca-key.pem` (0600) and `ca.pem`; made when absent. */
  readonly folder: string;
  readonly now?: () => Date;
};

export type IssuedServer = {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfter: Date;
};

export type DeviceRequest = { readonly csr: string; readonly tenant: string; readonly device: string };

export type IssuedDevice = {
  readonly certificatePem: string;
  /** Lower-case hexadecimal, 128 bits, random. */
  readonly serial: string;
  readonly notAfter: Date;
  /** SHA-256 of the DER public key. */
  readonly keyDigest: Digest;
};

/** The control plane's own ECDSA P-256 authority: it names this server and every device. */
export class CertificateAuthority {
  readonly caPem: string;
  /** SHA-256 of the CA certificate's DER form. */
  readonly caPin: Digest;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #now: () => Date;

  private constructor(caPem: string, keys: webcrypto.CryptoKeyPair, now: () => Date) {
    this.caPem = caPem;
    this.caPin = certificatePin(readCertificate(caPem));
    this.#keys = keys;
    this.#now = now;
  }

  /** Reads the authority in `folder`, or makes it, durably. Rejects with `badState` when its files are broken. */
  static async open({ folder, now = () => new Date() }: CertificateAuthorityOptions) {
    await makeFolder(folder, { mode: 0o700 });
    const keyPath = join(folder, 'ca-key.pem');
    const certificatePath = join(folder, 'ca.pem');
    const stored = { key: await readIfThere(keyPath), certificate: await readIfThere(certificatePath) };
    if (stored.key === undefined && stored.certificate !== undefined) throw lostKey(keyPath);

    const keyPem = stored.key ?? createDeviceKey().privateKeyPem;
    if (stored.key === undefined) await atomicWrite(keyPath, keyPem, { mode: 0o600 });
    const keys = await importKeyPair(keyPem);
    // A key without a certificate is a first start that was interrupted: nothing was issued with it yet.
    const caPem = stored.certificate ?? (await selfSign(keys, now()));
    if (stored.certificate === undefined) await atomicWrite(certificatePath, caPem, { mode: 0o644 });
    if (!belongTogether(caPem, keyPem, certificatePath)) throw lostKey(keyPath);
    return new CertificateAuthority(caPem, keys, now);
  }

  /** A new key and certificate for TLS servers at these DNS names and IP addresses. */
  async issueServer({
    hosts,
    name = 'holdfast control plane',
  }: {
    readonly hosts: readonly string[];
    /** The certificate's common name, for people. */
    readonly name?: string;
  }): Promise<IssuedServer> {
    const x509 = await loadX509();
    const { privateKeyPem } = createDeviceKey();
    const certificate = await this.#issue({
      subject: { CN: name },
      publicKey: createPublicKey(privateKeyPem).export({ type: 'spki', format: 'der' }),
      days: serverDays,
      usage: x509.ExtendedKeyUsage.serverAuth,
      names: new x509.SubjectAlternativeNameExtension(
        hosts.map((host) => ({ type: isIP(host) ? 'ip' : 'dns', value: host })),
      ),
    });
    return { ...certificate, privateKeyPem };
  }

  /** A client certificate for the key of `csr`. The name is ours; nothing of the request but its key is used. */
  async issueDevice({ csr, tenant, device }: DeviceRequest): Promise<IssuedDevice> {
    const { publicKey, keyDigest } = await checkCsr(csr);
    const x509 = await loadX509();
    const certificate = await this.#issue({
      subject: { CN: device, O: tenant },
      publicKey,
      days: deviceDays,
      usage: x509.ExtendedKeyUsage.clientAuth,
      names: new x509.SubjectAlternativeNameExtension([{ type: 'url', value: deviceUri(tenant, device) }]),
    });
    return { ...certificate, keyDigest };
  }

  async #issue({ subject, publicKey, days, usage, names }: LeafRequest) {
    const x509 = await loadX509();
    const ca = new x509.X509Certificate(this.caPem);
    const key = new x509.PublicKey(publicKey.toString('base64'));
    const serial = createSerial();
    const now = this.#now();
    const notAfter = earliest(new Date(now.getTime() + days * dayMs), ca.notAfter);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      subject: Object.entries(subject).map(([type, value]) => ({ [type]: [value] })),
      issuer: ca.subject,
      notBefore: new Date(now.getTime() - skewMs),
      notAfter,
      publicKey: key,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        names,
        await x509.AuthorityKeyIdentifierExtension.create(ca),
        await x509.SubjectKeyIdentifierExtension.create(key),
      ],
    });
    return { certificatePem: `${certificate.toString('pem')}\n`, serial: normalSerial(serial), notAfter };
  }
}

type LeafRequest = {
  readonly subject: Readonly<Record<string, string>>;
  readonly publicKey: Buffer;
  readonly days: number;
  readonly usage: string;
  readonly names: Extension;
};

async function selfSign(keys: webcrypto.CryptoKeyPair, now: Date): Promise<string> {
  const x509 = await loadX509();
  const serial = createSerial();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    // The serial in the name keeps two authorities of the same machine apart in a trust store.
    name: [{ CN: [`Holdfast CA ${serial.slice(0, 8)}`] }],
    notBefore: new Date(now.getTime() - skewMs),
    notAfter: new Date(now.getTime() + caDays * dayMs),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return `${certificate.toString('pem')}\n`;
}

/** 128 random bits; the first byte is neither zero nor negative, so every reader prints the same digits. */
function createSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex');
}

function earliest(a: Date, b: Date): Date {
  return a < b ? a : b;
}

function belongTogether(caPem: string, keyPem: string, certificatePath: string): boolean {
  try {
    const key = createPublicKey(keyPem);
    return readCertificate(caPem).publicKey.equals(key);
  } catch (cause) {
    throw new SyncError('badState', `The certificate of the authority cannot be read: ${certificatePath}`, {
      cause,
      hint: 'Put the file back from a backup.',
    });
  }
}

function lostKey(path: string): SyncError {
  return new SyncError('badState', `The key of the certificate authority is missing or another's: ${path}`, {
    hint: 'Put the key file back from a backup. A new authority would lock every enrolled device out.',
  });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
