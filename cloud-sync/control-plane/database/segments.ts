import type { Database } from './schema.ts';

/** One stored batch, or what was new of it. `body` is zstd-compressed JSON in columns: see `relay-batch.ts`. */
export type NewSegment = {
  readonly device: string;
  readonly epoch: string;
  readonly stream: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Messages and gap records in it. */
  readonly entries: number;
  /** The earliest and the latest of its times: a device's clock may step back. */
  readonly firstTimeMs: number;
  readonly lastTimeMs: number;
  readonly body: Uint8Array;
};

/** Appends a segment; its id, larger than any before it. Call it inside a transaction. */
export async function insertSegment(db: Database, received: string, segment: NewSegment): Promise<number> {
  const { insertId } = await db
    .insertInto('segments')
    .values({
      device: segment.device,
      epoch: segment.epoch,
      stream: segment.stream,
      first_seq: segment.firstSeq,
      last_seq: segment.lastSeq,
      entries: segment.entries,
      first_time_ms: segment.firstTimeMs,
      last_time_ms: segment.lastTimeMs,
      received,
      bytes: segment.body.byteLength,
      body: segment.body,
    })
    .executeTakeFirstOrThrow();
  return Number(insertId);
}

/** The earliest and the latest of `times`, which is not empty. */
export function timeSpan(times: readonly number[]): { firstTimeMs: number; lastTimeMs: number } {
  let firstTimeMs = Number.POSITIVE_INFINITY;
  let lastTimeMs = 0;
  for (const time of times) {
    if (time < firstTimeMs) firstTimeMs = time;
    if (time > lastTimeMs) lastTimeMs = time;
  }
  return { firstTimeMs, lastTimeMs };
}

export type Usage = {
  readonly device: string;
  readonly stream: string;
  readonly segments: number;
  readonly entries: number;
  readonly bytes: number;
};

/** Adds to what a stream takes. Call it inside the transaction that stores it. */
export async function addUsage(db: Database, { device, stream, ...added }: Usage): Promise<void> {
  await db
    .insertInto('stream_usage')
    .values({ device, stream, ...added, removed_entries: 0 })
    .onConflict((conflict) =>
      conflict.columns(['device', 'stream']).doUpdateSet((row) => ({
        segments: row('stream_usage.segments', '+', added.segments),
        entries: row('stream_usage.entries', '+', added.entries),
        bytes: row('stream_usage.bytes', '+', added.bytes),
      })),
    )
    .execute();
}
