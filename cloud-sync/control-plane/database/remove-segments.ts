import { sql } from 'kysely';
import { segmentOverheadBytes } from './retention.ts';
import type { Database } from './schema.ts';

/** Of one transaction: segments, and bytes of their bodies (more when the first is larger). */
const stepSegments = 256;
const stepBytes = 8 * 2 ** 20;

export type OldSegment = {
  readonly id: number;
  readonly device: string;
  readonly stream: string;
  readonly received: string;
  readonly entries: number;
  /** On disk. */
  readonly bytes: number;
};

type OldestOptions = {
  readonly place?: { readonly device: string; readonly stream: string } | undefined;
  readonly after?: number;
};

/** The oldest segments behind the id `after`, of a stream or of all, as many as one step removes. */
export async function oldestSegments(
  db: Database,
  { place, after = 0 }: OldestOptions = {},
): Promise<OldSegment[]> {
  let query = db
    .selectFrom('segments')
    .select(['id', 'device', 'stream', 'received', 'entries', 'bytes'])
    .where('id', '>', after)
    .orderBy('id')
    .limit(stepSegments);
  if (place) query = query.where('device', '=', place.device).where('stream', '=', place.stream);
  const rows = await query.execute();
  let bytes = 0;
  const within = rows.filter((row, index) => {
    bytes += row.bytes;
    return index === 0 || bytes <= stepBytes;
  });
  return within.map((row) => ({ ...row, bytes: row.bytes + segmentOverheadBytes }));
}

/** Removes the segments, which `oldestSegments` gave, and counts them as removed. Call it inside a transaction. */
export async function removeSegments(db: Database, segments: readonly OldSegment[]): Promise<void> {
  const ids = segments.map(({ id }) => id);
  if (ids.length > 0) await db.deleteFrom('segments').where('id', 'in', ids).execute();
  for (const { device, stream, entries, bytes } of segments)
    await db
      .updateTable('stream_usage')
      .set((row) => ({
        segments: row('segments', '-', 1),
        entries: row('entries', '-', entries),
        bytes: row('bytes', '-', bytes - segmentOverheadBytes),
        removed_entries: row('removed_entries', '+', entries),
      }))
      .where('device', '=', device)
      .where('stream', '=', stream)
      .execute();
}

/** Pages given back to the file system at once. */
const vacuumPages = 2000;

/** Shortens the file by what is free in it, a piece of it at a time. A database of an older version keeps its size and uses the free space again. */
export async function giveSpaceBack(db: Database): Promise<{ readonly more: boolean }> {
  const free = async () =>
    (await sql<{ freelist_count: number }>`PRAGMA freelist_count`.execute(db)).rows[0]?.freelist_count ?? 0;
  const before = await free();
  if (before === 0) return { more: false };
  await sql.raw(`PRAGMA incremental_vacuum(${vacuumPages})`).execute(db);
  const after = await free();
  return { more: after > 0 && after < before };
}
