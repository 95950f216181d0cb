import type { Database } from './schema.ts';

export type NewCertificate = { readonly serial: string; readonly device: string; readonly notAfter: Date };

/**
 * Makes `certificate` the only valid one of its device: older ones are revoked and the relay epochs they opened are
 * closed, so a disk that comes back cannot speak for the device again. Call it inside a transaction.
 */
export async function replaceCertificate(
  db: Database,
  now: Date,
  certificate: NewCertificate,
): Promise<void> {
  const time = now.toISOString();
  await revokeCertificates(db, now, certificate.device);
  await db
    .insertInto('certificates')
    .values({
      serial: certificate.serial,
      device: certificate.device,
      created: time,
      not_after: certificate.notAfter.toISOString(),
      revoked: null,
    })
    .execute();
}

/** Revokes every certificate of the device, closes their relay epochs and counts it as offline. Gives back how many were still valid. */
export async function revokeCertificates(db: Database, now: Date, device: string): Promise<number> {
  const time = now.toISOString();
  await db
    .updateTable('epochs')
    .set({ closed: time })
    .where('device', '=', device)
    .where('closed', 'is', null)
    .execute();
  await db
    .updateTable('presence')
    .set({ online: 0, since: time })
    .where('device', '=', device)
    .where('online', '=', 1)
    .execute();
  const { numUpdatedRows } = await db
    .updateTable('certificates')
    .set({ revoked: time })
    .where('device', '=', device)
    .where('revoked', 'is', null)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

export type CertificateStatus = 'valid' | 'revoked' | 'unknown';

/** Whether we issued `serial` to `device` and still stand by it. Expiry is TLS's business. */
export async function certificateStatus(
  db: Database,
  serial: string,
  device: string,
): Promise<CertificateStatus> {
  const row = await db
    .selectFrom('certificates')
    .select('revoked')
    .where('serial', '=', serial)
    .where('device', '=', device)
    .executeTakeFirst();
  if (!row) return 'unknown';
  return row.revoked === null ? 'valid' : 'revoked';
}
