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
  let oldest = db.selectFrom('segments').select(['received']).orderBy('id').limit(1);
  if (device !== undefined) {
    sums = sums.where('device', '=', device);
    oldest = oldest.where('device', '=', device);
  }
  if (stream !== undefined) {
    sums = sums.where('stream', '=', stream);
    oldest = oldest.where('stream', '=', stream);
  }
  const count = (await sums.executeTakeFirst())?.count ?? 0;
  if (count === 0) return null;
  return { count, oldestKept: (await oldest.executeTakeFirst())?.received ?? null };
}
