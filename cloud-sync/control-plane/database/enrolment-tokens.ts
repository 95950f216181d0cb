import { hash } from 'node:crypto';
import type { Database } from './schema.ts';

export type EnrolmentTokenRow = {
  readonly device: string;
  readonly expires: Date;
  /** Set once the token was used: by which key, and what it got. */
  readonly used: { readonly keyHash: string; readonly certificate: string; readonly serial: string } | null;
};

/** Only the hash of a secret is kept: a copy of the database enrols nobody. */
const hashOf = (secret: string) => hash('sha256', secret, 'hex');

export async function addEnrolmentToken(
  db: Database,
  now: Date,
  token: { readonly secret: string; readonly device: string; readonly expires: Date },
): Promise<void> {
  await db
    .insertInto('enrolment_tokens')
    .values({
      secret_hash: hashOf(token.secret),
      device: token.device,
      created: now.toISOString(),
      expires: token.expires.toISOString(),
      key_hash: null,
      certificate: null,
      serial: null,
    })
    .execute();
}

export async function findEnrolmentToken(
  db: Database,
  secret: string,
): Promise<EnrolmentTokenRow | undefined> {
  const row = await db
    .selectFrom('enrolment_tokens')
    .selectAll()
    .where('secret_hash', '=', hashOf(secret))
    .executeTakeFirst();
  if (!row) return undefined;
  const { key_hash: keyHash, certificate, serial } = row;
  const used = keyHash !== null && certificate !== null && serial !== null;
  return {
    device: row.device,
    expires: new Date(row.expires),
    used: used ? { keyHash, certificate, serial } : null,
  };
}

/** False when another call used the token in the meantime: then nothing was changed. */
export async function useEnrolmentToken(
  db: Database,
  secret: string,
  use: NonNullable<EnrolmentTokenRow['used']>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('enrolment_tokens')
    .set({ key_hash: use.keyHash, certificate: use.certificate, serial: use.serial })
    .where('secret_hash', '=', hashOf(secret))
    .where('key_hash', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
