import type { Database } from './schema.ts';

/** The only tenant there is yet. */
export const tenant = 'default';

/** Makes the device known; one that exists stays as it is. */
export async function registerDevice(db: Database, now: Date, name: string): Promise<void> {
  await db
    .insertInto('devices')
    .values({ name, tenant, created: now.toISOString(), recovery_key: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function deviceExists(db: Database, name: string): Promise<boolean> {
  const row = await db.selectFrom('devices').select('name').where('name', '=', name).executeTakeFirst();
  return row !== undefined;
}

/** The Ed25519 public key (SPKI, base64url) that may restore the device, when the owner left one. */
export async function recoveryKeyOf(db: Database, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('devices')
    .select('recovery_key')
    .where('name', '=', name)
    .executeTakeFirst();
  return row?.recovery_key ?? undefined;
}

export async function setRecoveryKey(db: Database, name: string, key: string): Promise<void> {
  await db.updateTable('devices').set({ recovery_key: key }).where('name', '=', name).execute();
}
