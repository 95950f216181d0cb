import type { RelayBatch } from '../../protocol/relay-batch.ts';
import type { Database } from './schema.ts';

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

type Line = Pick<RelayBatch, 'epoch' | 'stream'>;

/** The number up to which the stream is stored, 0 before its first message. */
export async function relayPosition(db: Database, device: string, { epoch, stream }: Line): Promise<number> {
  const row = await db
    .selectFrom('relay_positions')
    .select('last_seq')
    .where('device', '=', device)
    .where('epoch', '=', epoch)
    .where('stream', '=', stream)
    .executeTakeFirst();
  return row?.last_seq ?? 0;
}

/** Call it inside the transaction that stores what comes up to `lastSeq`. */
export async function moveRelayPosition(
  db: Database,
  device: string,
  { epoch, stream, lastSeq }: Line & { readonly lastSeq: number },
): Promise<void> {
  await db
    .insertInto('relay_positions')
    .values({ device, epoch, stream, last_seq: lastSeq })
    .onConflict((conflict) =>
      conflict.columns(['device', 'epoch', 'stream']).doUpdateSet({ last_seq: lastSeq }),
    )
    .execute();
}
