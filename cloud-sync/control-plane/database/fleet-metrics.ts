import type { Database } from './schema.ts';

export type SeenDevice = {
  readonly device: string;
  readonly tenant: string;
  /** null: it never connected. */
  readonly online: boolean | null;
  /** When its presence changed or it reported, whichever was later; RFC 3339. */
  readonly seen: string | null;
};

/** Every device and when it was heard of, without what it reported. */
export async function selectSeenDevices(db: Database): Promise<SeenDevice[]> {
  const rows = await db
    .selectFrom('devices')
    .leftJoin('presence', 'presence.device', 'devices.name')
    .leftJoin('reported', 'reported.device', 'devices.name')
    .select(['devices.name', 'devices.tenant', 'presence.online', 'presence.since', 'reported.received'])
    .execute();
  return rows.map(({ name, tenant, online, since, received }) => ({
    ...{ device: name, tenant, online: online === null ? null : online === 1 },
    seen:
      [since, received]
        .filter((time) => time !== null)
        .sort()
        .at(-1) ?? null,
  }));
}

/** What all streams of all devices take. */
export async function selectStoredTotals(db: Database): Promise<{ entries: number; bytes: number }> {
  const row = await db
    .selectFrom('stream_usage')
    .select(({ fn }) => [
      fn.sum<number | null>('entries').as('entries'),
      fn.sum<number | null>('bytes').as('bytes'),
    ])
    .executeTakeFirst();
  return { entries: row?.entries ?? 0, bytes: row?.bytes ?? 0 };
}

/** undefined when there is no such device. */
export async function selectTenant(db: Database, device: string): Promise<string | undefined> {
  const row = await db.selectFrom('devices').select('tenant').where('name', '=', device).executeTakeFirst();
  return row?.tenant;
}
