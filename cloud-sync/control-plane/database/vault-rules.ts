import type { VaultGrant } from '../../protocol/vault.ts';
import type { Database } from './schema.ts';

/** Undefined where the default counts; null is without end. */
export async function selectVaultQuota(db: Database, device: string): Promise<number | null | undefined> {
  const row = await db
    .selectFrom('vault_quotas')
    .select('quota_bytes')
    .where('device', '=', device)
    .executeTakeFirst();
  return row?.quota_bytes;
}

export async function setVaultQuota(db: Database, device: string, quota_bytes: number | null): Promise<void> {
  await db
    .insertInto('vault_quotas')
    .values({ device, quota_bytes })
    .onConflict((conflict) => conflict.column('device').doUpdateSet({ quota_bytes }))
    .execute();
}

/** Back to the default. Whether it had one of its own. */
export async function unsetVaultQuota(db: Database, device: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('vault_quotas')
    .where('device', '=', device)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** The grant that runs at `nowMs`, if one does. */
export async function selectVaultGrant(
  db: Database,
  device: string,
  nowMs: number,
): Promise<VaultGrant | null> {
  const row = await db
    .selectFrom('vault_grants')
    .selectAll()
    .where('device', '=', device)
    .where('until_ms', '>', nowMs)
    .executeTakeFirst();
  return row ? { untilMs: row.until_ms, by: row.granted_by } : null;
}

export async function setVaultGrant(
  db: Database,
  device: string,
  { untilMs, by }: VaultGrant,
): Promise<void> {
  const columns = { until_ms: untilMs, granted_by: by };
  await db
    .insertInto('vault_grants')
    .values({ device, ...columns })
    .onConflict((conflict) => conflict.column('device').doUpdateSet(columns))
    .execute();
}

export async function endVaultGrant(db: Database, device: string): Promise<void> {
  await db.deleteFrom('vault_grants').where('device', '=', device).execute();
}

type Removal = { readonly device: string; readonly actor: string; readonly bytes: number };

/** Counts one removed file until it goes into the audit log. In the transaction that removes it. */
export async function countVaultRemoval(db: Database, { device, actor, bytes }: Removal): Promise<void> {
  await db
    .insertInto('vault_removals')
    .values({ device, actor, files: 1, bytes })
    .onConflict((conflict) =>
      conflict.columns(['device', 'actor']).doUpdateSet((row) => ({
        files: row('vault_removals.files', '+', 1),
        bytes: row('vault_removals.bytes', '+', bytes),
      })),
    )
    .execute();
}

/** Takes out what was counted. */
export async function takeVaultRemovals(db: Database): Promise<(Removal & { readonly files: number })[]> {
  return db.deleteFrom('vault_removals').returningAll().execute();
}
