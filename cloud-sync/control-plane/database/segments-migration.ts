import { sql, type Kysely } from 'kysely';
import type { RelayEntry, RelayGapReason } from '../../protocol/relay-batch.ts';
import { packBody } from '../relay-body.ts';

const statements = [
  `CREATE TABLE segments (
    id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL REFERENCES devices (name), epoch TEXT NOT NULL,
    stream TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, entries INTEGER NOT NULL,
    first_time_ms INTEGER NOT NULL, last_time_ms INTEGER NOT NULL, received TEXT NOT NULL,
    bytes INTEGER NOT NULL, body BLOB NOT NULL) STRICT`,
  `CREATE INDEX segments_by_device ON segments (device, id, stream, first_time_ms, last_time_ms)`,
  `CREATE INDEX segments_by_stream ON segments (device, stream, id)`,
  `CREATE INDEX segments_by_device_time ON segments (device, last_time_ms, first_time_ms, id, stream)`,
  `CREATE INDEX segments_by_time ON segments (last_time_ms, first_time_ms, id, stream)`,
  `CREATE INDEX segments_by_span ON segments (last_time_ms - first_time_ms)`,
  `CREATE TABLE stream_usage (
    device TEXT NOT NULL REFERENCES devices (name), stream TEXT NOT NULL, segments INTEGER NOT NULL,
    entries INTEGER NOT NULL, bytes INTEGER NOT NULL, removed_entries INTEGER NOT NULL,
    PRIMARY KEY (device, stream)) STRICT`,
  `CREATE TABLE retention (
    device TEXT NOT NULL REFERENCES devices (name), stream TEXT NOT NULL, keep_ms INTEGER, keep_bytes INTEGER,
    PRIMARY KEY (device, stream)) STRICT`,
];

/** Messages become segments: runs of rows that came together. An older cursor then names an earlier place, never a later one. */
export async function createSegments(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
  let run: Row[] = [];
  let runBytes = 0;
  for (let after = 0; ;) {
    const { rows } =
      await sql<Row>`SELECT * FROM messages WHERE id > ${after} ORDER BY id LIMIT ${pageRows}`.execute(db);
    for (const row of rows) {
      const bytes = (row.payload?.byteLength ?? 0) + (row.topic?.length ?? 0);
      if (!goesOn(run.at(-1), row) || run.length >= runRows || runBytes + bytes > runMaxBytes) {
        await insertRun(db, run);
        run = [];
        runBytes = 0;
      }
      run.push(row);
      runBytes += bytes;
      after = row.id;
    }
    if (rows.length < pageRows) break;
  }
  await insertRun(db, run);
  await sql`INSERT INTO stream_usage SELECT device, stream, count(*), sum(entries), sum(bytes), 0
    FROM segments GROUP BY device, stream`.execute(db);
  await sql`DROP TABLE messages`.execute(db);
}

const pageRows = 500;
const runRows = 1000;
const runMaxBytes = 256 * 1024;

type Row = {
  readonly id: number;
  readonly device: string;
  readonly epoch: string;
  readonly stream: string;
  readonly seq: number;
  readonly time: string;
  readonly received: string;
  readonly topic: string | null;
  readonly payload: Uint8Array | null;
  readonly content_type: string | null;
  readonly gap_count: number | null;
  readonly gap_reason: string | null;
};

function goesOn(last: Row | undefined, row: Row): boolean {
  if (!last) return true;
  const sameLine = last.device === row.device && last.epoch === row.epoch && last.stream === row.stream;
  return sameLine && last.received === row.received && row.seq - (row.gap_count ?? 1) === last.seq;
}

async function insertRun(db: Kysely<unknown>, run: readonly Row[]): Promise<void> {
  const first = run[0];
  const last = run.at(-1);
  if (!first || !last) return;
  const { device, epoch, stream, received } = first;
  const firstSeq = first.seq - (first.gap_count ?? 1) + 1;
  const entries = run.map(toEntry);
  const body = packBody({ epoch, stream, firstSeq, entries });
  const times = entries.map(({ time }) => time);
  await sql`INSERT INTO segments (device, epoch, stream, first_seq, last_seq, entries, first_time_ms, last_time_ms, received, bytes, body)
    VALUES (${device}, ${epoch}, ${stream}, ${firstSeq}, ${last.seq}, ${run.length},
      ${Math.min(...times)}, ${Math.max(...times)}, ${received}, ${body.byteLength}, ${body})`.execute(db);
}

function toEntry(row: Row): RelayEntry {
  const place = { seq: row.seq, time: Date.parse(row.time) };
  if (row.gap_count !== null)
    return { ...place, gap: { count: row.gap_count, reason: (row.gap_reason ?? 'disk') as RelayGapReason } };
  const { topic, payload, content_type } = row;
  return {
    ...place,
    ...{ gap: undefined, topic: topic ?? '', payload: payload ?? new Uint8Array() },
    contentType: content_type ?? undefined,
  };
}
