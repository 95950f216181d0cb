import type { RelayBatch, RelayMessage } from '../../protocol/messages.ts';
import type { StoredMessage } from '../../protocol/api.ts';
import type { Database, Tables } from './schema.ts';

export type RelaySource = { readonly device: string; readonly serial: string };
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
  {
    epoch,
    stream,
    messages,
  }: Pick<RelayBatch, 'epoch' | 'stream'> & { readonly messages: readonly RelayMessage[] },
): Promise<void> {
  const last = messages.at(-1);
  if (!last) return;
  const received = now.toISOString();
  const rows = messages.map((message) => ({ device, epoch, stream, received, ...columns(message) }));
  await db.insertInto('messages').values(rows).execute();
  await db
    .insertInto('relay_positions')
    .values({ device, epoch, stream, last_seq: last.seq })
    .onConflict((conflict) =>
      conflict.columns(['device', 'epoch', 'stream']).doUpdateSet({ last_seq: last.seq }),
    )
    .execute();
}

function columns(message: RelayMessage) {
  const { seq, time } = message;
  if ('gap' in message) {
    const { count, reason } = message.gap;
    return {
      seq,
      time,
      topic: null,
      payload: null,
      content_type: null,
      gap_count: count,
      gap_reason: reason,
    };
  }
  return {
    seq,
    time,
    topic: message.topic,
    payload: Buffer.from(message.payload, 'base64'),
    content_type: message.contentType ?? null,
    gap_count: null,
    gap_reason: null,
  };
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
