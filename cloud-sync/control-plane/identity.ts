import type { TLSSocket } from 'node:tls';
import type { DeviceAddress } from '../protocol/topics.ts';
import { parseDeviceCertificate } from '../trust/index.ts';
import { certificateStatus } from './database/certificates.ts';
import type { Database } from './database/schema.ts';

export type DeviceIdentity = DeviceAddress & { readonly kind: 'device'; readonly serial: string };
export type Identity =
  | DeviceIdentity
  | { readonly kind: 'operator'; readonly name: string }
  | { readonly kind: 'anonymous' }
  /** A credential was shown and is not good: never treated as if none had been shown. */
  | { readonly kind: 'refused'; readonly reason: string };

/** What the peer's TLS certificate says, before the database was asked. */
export function certificateIdentity(socket: TLSSocket): Exclude<Identity, { kind: 'operator' }> {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return { kind: 'anonymous' };
  if (!socket.authorized)
    return { kind: 'refused', reason: 'the client certificate is not of this control plane or has expired' };
  try {
    const { tenant, device, serial } = parseDeviceCertificate(certificate.raw);
    return { kind: 'device', tenant, device, serial };
  } catch {
    return { kind: 'refused', reason: 'the client certificate names no device' };
  }
}

/** The device's identity as it stands now: refused once its certificate was revoked. */
export async function confirmDevice(db: Database, identity: DeviceIdentity): Promise<Identity> {
  const status = await certificateStatus(db, identity.serial, identity.device);
  if (status === 'valid') return identity;
  return { kind: 'refused', reason: `the client certificate ${identity.serial} is ${status}` };
}
