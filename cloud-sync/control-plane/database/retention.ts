import type { Database } from './schema.ts';

/** What to keep of a stream; null is without end. */
export type Keep = {
  /** Milliseconds since the cloud received it. */
  readonly keepMs: number | null;
  readonly keepBytes: number | null;
};

/** A segment takes this much beside its body: the rest of its row, and its places in the indexes. */
export const segmentOverheadBytes = 256;

export type StreamUsage = {
  readonly device: string;
  readonly stream: string;
  /** Messages and gap records. */
  readonly messages: number;
  /** On disk, compressed. */
  readonly bytes: number;
  readonly removed: number;
  /** Where it is not the default. */
  readonly keep: Keep | null;
};

type Place = { readonly device: string; readonly stream: string };

/** In order of device and stream, at most `limit` behind `after`. `device` selects one, `overridden` those with a rule of their own. */
export async function selectUsage(
  db: Database,
  options: {
    readonly limit: number;
    readonly after?: Place | undefined;
    readonly device?: string;
    readonly overridden?: boolean;
  },
): Promise<StreamUsage[]> {
  let query = db
    .selectFrom('stream_usage as usage')
    .leftJoin('retention', (join) =>
      join.onRef('retention.device', '=', 'usage.device').onRef('retention.stream', '=', 'usage.stream'),
    )
    .select([
      ...(['usage.device', 'usage.stream', 'usage.segments', 'usage.entries', 'usage.bytes'] as const),
      ...(['usage.removed_entries', 'retention.keep_ms', 'retention.keep_bytes'] as const),
      'retention.device as rule',
    ])
    .orderBy('usage.device')
    .orderBy('usage.stream')
    .limit(options.limit);
  const { after, device } = options;
  if (after)
    query = query.where((where) =>
      where(where.refTuple('usage.device', 'usage.stream'), '>', where.tuple(after.device, after.stream)),
    );
  if (device !== undefined) query = query.where('usage.device', '=', device);
  if (options.overridden) query = query.where('retention.device', 'is not', null);
  return (await query.execute()).map((row) => ({
    device: row.device,
    stream: row.stream,
    messages: row.entries,
    bytes: row.bytes + row.segments * segmentOverheadBytes,
    removed: row.removed_entries,
    keep: row.rule === null ? null : { keepMs: row.keep_ms, keepBytes: row.keep_bytes },
  }));
}

/** Of all streams, on disk. */
export async function totalBytes(db: Database): Promise<number> {
  const row = await db
    .selectFrom('stream_usage')
    .select(({ fn }) => [
      fn.sum<number | null>('bytes').as('bytes'),
      fn.sum<number | null>('segments').as('segments'),
    ])
    .executeTakeFirst();
  return (row?.bytes ?? 0) + (row?.segments ?? 0) * segmentOverheadBytes;
}

/** Gives a stream a rule of its own. It counts from its next message on when there is none yet. */
export async function setKeep(db: Database, { device, stream }: Place, keep: Keep): Promise<void> {
  const columns = { keep_ms: keep.keepMs, keep_bytes: keep.keepBytes };
  await db
    .insertInto('retention')
    .values({ device, stream, ...columns })
    .onConflict((conflict) => conflict.columns(['device', 'stream']).doUpdateSet(columns))
    .execute();
  const empty = { segments: 0, entries: 0, bytes: 0, removed_entries: 0 };
  await db
    .insertInto('stream_usage')
    .values({ device, stream, ...empty })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Back to the default. Whether it had a rule. */
export async function unsetKeep(db: Database, { device, stream }: Place): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('retention')
    .where('device', '=', device)
    .where('stream', '=', stream)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
