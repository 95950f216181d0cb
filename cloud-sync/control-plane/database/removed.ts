import { sql } from 'kysely';
import type { MessagePage } from '../../protocol/api.ts';
import type { Database } from './schema.ts';

/** What retention removed of the selection so far, null when nothing. */
export async function readRemoved(
  db: Database,
  { device, stream }: { readonly device: string | undefined; readonly stream: string | undefined },
): Promise<MessagePage['removed']> {
  let sums = db
    .selectFrom('stream_usage')
    .select(({ fn }) => fn.sum<number | null>('removed_entries').as('count'))
    .where('removed_entries', '>', 0);
  if (device !== undefined) sums = sums.where('device', '=', device);
  if (stream !== undefined) sums = sums.where('stream', '=', stream);
  const count = (await sums.executeTakeFirst())?.count ?? 0;
  if (count === 0) return null;
  const id =
    device === undefined && stream !== undefined
      ? await oldestOfStream(db, stream)
      : await oldestOf(db, device, stream);
  if (id === undefined) return { count, oldestKept: null };
  const row = await db.selectFrom('segments').select('received').where('id', '=', id).executeTakeFirst();
  return { count, oldestKept: row?.received ?? null };
}

/** Each has an index, but a stream of all devices. */
async function oldestOf(
  db: Database,
  device: string | undefined,
  stream: string | undefined,
): Promise<number | undefined> {
  let oldest = db.selectFrom('segments').select('id').orderBy('id').limit(1);
  if (device !== undefined) oldest = oldest.where('device', '=', device);
  if (stream !== undefined) oldest = oldest.where('stream', '=', stream);
  return (await oldest.executeTakeFirst())?.id;
}

/** One look a device: in order of the ids it might be behind all that other streams keep. */
async function oldestOfStream(db: Database, stream: string): Promise<number | undefined> {
  const { rows } = await sql<{ id: number | null }>`SELECT min((SELECT min(id) FROM segments
      WHERE segments.device = stream_usage.device AND segments.stream = stream_usage.stream)) AS id
    FROM stream_usage WHERE stream = ${stream} AND segments > 0`.execute(db);
  return rows[0]?.id ?? undefined;
}
