import type { RelayBatch, RelayEntry } from '../../protocol/relay-batch.ts';
import type { StoredMessage } from '../../protocol/api.ts';
import type { Database, Tables } from './schema.ts';

export type RelaySource = { readonly device: string; readonly serial: string };
const maxRows = 1000;

export type EpochState = 'open' | 'closed';

/** Opens the epoch for the certificate that sends it first; closed once that certificate is replaced. */
export async function openEpoch(
  db: Database,
  now: Date,
  { device, serial }: RelaySource,
  epoch: string,
): Promise<EpochState> {
  const row = await db
    .selectFrom('epochs')
    .select(['closed'])
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .executeTakeFirst();
  if (row) return row.closed === null ? 'open' : 'closed';
  await db
    .insertInto('epochs')
    .values({ device, epoch, serial, created: now.toISOString(), closed: null })
    .execute();
  return 'open';
}

/** The number up to which the stream is stored, 0 before its first message. */
export async function relayPosition(
  db: Database,
  device: string,
  { epoch, stream }: Pick<RelayBatch, 'epoch' | 'stream'>,
): Promise<number> {
  const row = await db
    .selectFrom('relay_positions')
    .select('last_seq')
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .where('stream', '=', stream)
    .executeTakeFirst();
  return row?.last_seq ?? 0;
}

/** Appends messages and moves the stream's position. Call it inside a transaction. */
export async function appendRelayed(
  db: Database,
  now: Date,
  device: string,
  { epoch, stream, entries }: Pick<RelayBatch, 'epoch' | 'stream' | 'entries'>,
): Promise<void> {
  const last = entries.at(-1);
  if (!last) return;
  const received = now.toISOString();
  const rows = entries.map((entry) => ({ device, epoch, stream, received, ...columns(entry) }));
  // SQLite binds 32,766 values a statement at most.
  for (let from = 0; from < rows.length; from += maxRows)
    await db
      .insertInto('messages')
      .values(rows.slice(from, from + maxRows))
      .execute();
  await db
    .insertInto('relay_positions')
    .values({ device, epoch, stream, last_seq: last.seq })
    .onConflict((conflict) =>
      conflict.columns(['device', 'epoch', 'stream']).doUpdateSet({ last_seq: last.seq }),
    )
    .execute();
}

function columns(entry: RelayEntry) {
  const place = { seq: entry.seq, time: new Date(entry.time).toISOString() };
  if (entry.gap) {
    const { count, reason } = entry.gap;
    return {
      ...place,
      ...{ topic: null, payload: null, content_type: null },
      ...{ gap_count: count, gap_reason: reason },
    };
  }
  const { topic, payload, contentType = null } = entry;
  return { ...place, topic, payload, content_type: contentType, gap_count: null, gap_reason: null };
}

export type MessageSelection = {
  readonly device: string;
  readonly stream?: string | undefined;
  /** Only messages with a larger id. */
  readonly after: number;
  readonly limit: number;
};

/** In order of arrival. */
export async function selectMessages(db: Database, selection: MessageSelection): Promise<StoredMessage[]> {
  let query = db
    .selectFrom('messages')
    .selectAll()
    .where('device', '=', selection.device)
    .where('id', '>', selection.after)
    .orderBy('id')
    .limit(selection.limit);
  if (selection.stream !== undefined) query = query.where('stream', '=', selection.stream);
  return (await query.execute()).map(toStored);
}

type MessageRow = Omit<Tables['messages'], 'id'> & { id: number };

function toStored(row: MessageRow): StoredMessage {
  const { id, epoch, stream, seq, time, received, topic } = row;
  return {
    id,
    epoch,
    stream,
    seq,
    time,
    received,
    topic,
    payload: row.payload === null ? null : Buffer.from(row.payload).toString('base64'),
    contentType: row.content_type,
    gap: row.gap_count === null ? null : { count: row.gap_count, reason: row.gap_reason ?? '' },
  };
}
