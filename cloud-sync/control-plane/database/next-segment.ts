import type { RelayColumns } from '../../protocol/relay-batch.ts';
import { unpackBody } from '../relay-body.ts';
import { tenant } from './devices.ts';
import type { Database } from './schema.ts';

export type NextSegment = {
  readonly id: number;
  readonly source: { readonly tenant: string; readonly device: string };
  readonly columns: RelayColumns;
};

/** The stored segment with the smallest id behind `id`. @throws SyncError 'corrupt' */
export async function readSegmentAfter(db: Database, id: number): Promise<NextSegment | undefined> {
  const row = await db
    .selectFrom('segments')
    .select(['id', 'device', 'body'])
    .where('id', '>', id)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  if (!row) return undefined;
  const { columns } = unpackBody(row.id, row.body);
  return { id: row.id, source: { tenant, device: row.device }, columns };
}
