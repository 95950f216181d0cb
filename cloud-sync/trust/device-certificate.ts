import { X509Certificate } from 'node:crypto';
import { digestOf, type Digest } from '../../lib/digest.ts';
import { SyncError } from '../errors.ts';

const maxCertificateBytes = 16_384;
const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const uriPattern = new RegExp(`^URI:urn:holdfast:(${label}):(${label})$`);

export type DeviceCertificate = {
  readonly tenant: string;
  readonly device: string;
  /** Lower-case hexadecimal, as `IssuedDevice.serial`. */
  readonly serial: string;
  readonly notAfter: Date;
};

export function deviceUri(tenant: string, device: string): string {
  return `urn:holdfast:${tenant}:${device}`;
}

/**
 * Who a device certificate names. It checks form only: that our CA signed it was the TLS handshake's work.
 * Throws `badCertificate`.
 */
export function parseDeviceCertificate(pemOrDer: string | Uint8Array): DeviceCertificate {
  const certificate = readCertificate(pemOrDer);
  const [, tenant, device] = uriPattern.exec(certificate.subjectAltName ?? '') ?? [];
  if (tenant === undefined || device === undefined) {
    throw new SyncError(
      'badCertificate',
      'The certificate names no device (a URI urn:holdfast:tenant:device)',
    );
  }
  return {
    tenant,
    device,
    serial: normalSerial(certificate.serialNumber),
    notAfter: certificate.validToDate,
  };
}

/** Reads one certificate of bounded size. Throws `badCertificate`. */
export function readCertificate(pemOrDer: string | Uint8Array): X509Certificate {
  if (pemOrDer.length > maxCertificateBytes) {
    throw new SyncError('badCertificate', `The certificate is larger than ${maxCertificateBytes} bytes`);
  }
  try {
    return new X509Certificate(pemOrDer);
  } catch (cause) {
    throw new SyncError('badCertificate', 'The certificate cannot be read', { cause });
  }
}

/** SHA-256 of the DER form: how tokens and machine files name a CA. */
export function certificatePin(certificate: X509Certificate): Digest {
  return digestOf(certificate.raw);
}

export function normalSerial(serial: string): string {
  return serial.toLowerCase().replace(/^0+(?=.)/, '');
}
