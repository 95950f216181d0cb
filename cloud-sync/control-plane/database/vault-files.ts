import { sql } from 'kysely';
import type { FileType, StoredFile } from '../../vault/backend/backend.ts';
import type { VaultPlace } from '../vault/vault-place.ts';
import type { Database } from './schema.ts';

export type VaultFile = VaultPlace & { readonly bytes: number; readonly receivedMs: number };
export type TypeUsage = { readonly count: number; readonly bytes: number };

export async function addVaultFile(db: Database, file: VaultFile): Promise<void> {
  const { device, type, name, bytes, receivedMs: received_ms } = file;
  await db.insertInto('vault_files').values({ device, type, name, bytes, received_ms }).execute();
}

export async function isVaultFile(db: Database, { device, type, name }: VaultPlace): Promise<boolean> {
  const row = await db
    .selectFrom('vault_files')
    .select('name')
    .where('device', '=', device)
    .where('type', '=', type)
    .where('name', '=', name)
    .executeTakeFirst();
  return row !== undefined;
}

/** Its bytes; undefined when it is not listed. */
export async function removeVaultFile(
  db: Database,
  { device, type, name }: VaultPlace,
): Promise<number | undefined> {
  const row = await db
    .deleteFrom('vault_files')
    .where('device', '=', device)
    .where('type', '=', type)
    .where('name', '=', name)
    .returning('bytes')
    .executeTakeFirst();
  return row?.bytes;
}

export async function selectVaultFiles(db: Database, device: string, type: FileType): Promise<StoredFile[]> {
  const rows = await db
    .selectFrom('vault_files')
    .select(['name', 'bytes', 'received_ms'])
    .where('device', '=', device)
    .where('type', '=', type)
    .execute();
  return rows.map(({ name, bytes, received_ms }) => ({ name, bytes, receivedMs: received_ms }));
}

/** The newest, newest first. */
export async function selectVaultSnapshots(
  db: Database,
  device: string,
  limit: number,
): Promise<{ name: string; bytes: number; receivedMs: number }[]> {
  const rows = await db
    .selectFrom('vault_files')
    .select(['name', 'bytes', 'received_ms'])
    .where('device', '=', device)
    // A literal, so that the index over snapshots is used.
    .where(sql<boolean>`type = 'snapshots'`)
    .orderBy('received_ms', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ name, bytes, received_ms }) => ({ name, bytes, receivedMs: received_ms }));
}

/** By type, of those there are or were files of. */
export async function selectVaultUsage(db: Database, device: string): Promise<Map<string, TypeUsage>> {
  const rows = await db.selectFrom('vault_usage').selectAll().where('device', '=', device).execute();
  return new Map(rows.map(({ type, files, bytes }) => [type, { count: files, bytes }]));
}

export type VaultTotals = {
  readonly device: string;
  readonly bytes: number;
  readonly snapshots: number;
  /** null when there is none. */
  readonly newestMs: number | null;
};

/** Of every device that has a vault. */
export async function selectVaultTotals(db: Database): Promise<VaultTotals[]> {
  const { rows } = await sql<{
    device: string;
    bytes: number;
    snapshots: number | null;
    newest: number | null;
  }>`
    SELECT device, sum(bytes) AS bytes, sum(files) FILTER (WHERE type = 'snapshots') AS snapshots,
      (SELECT max(received_ms) FROM vault_files AS file
        WHERE file.device = usage.device AND file.type = 'snapshots') AS newest
    FROM vault_usage AS usage GROUP BY device`.execute(db);
  return rows.map(({ device, bytes, snapshots, newest }) => ({
    ...{ device, bytes, snapshots: snapshots ?? 0, newestMs: newest },
  }));
}
