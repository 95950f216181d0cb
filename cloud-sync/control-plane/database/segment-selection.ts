import { sql } from 'kysely';
import type { Database } from './schema.ts';

/** Which segments; times are milliseconds of the devices' clocks, both ends included. */
export type SegmentSelection = {
  /** undefined: of all devices. */
  readonly device: string | undefined;
  readonly stream: string | undefined;
  readonly sinceMs: number | undefined;
  readonly untilMs: number | undefined;
};

export type SegmentIds = {
  /** Ascending. */
  readonly ids: readonly number[];
  /** Every id below it was looked at; undefined when there is nothing more. */
  readonly nextId: number | undefined;
};

/** A time range with at most this many segments is read by its index and sorted; a wider one in order of the ids. */
const narrowSegments = 20_000;
/** Ids looked at by one statement, so that none takes long: in an index, or in the table, which has the bodies beside. */
const indexedIds = 100_000;
const tableIds = 10_000;

/**
 * Finds segments in order of their ids, in steps of bounded work. A segment that overlaps the time range is found, though
 * not all of its messages may lie within.
 */
export class SegmentFinder {
  readonly #db: Database;
  readonly #selection: SegmentSelection;
  #plan: { readonly kind: 'range'; readonly lastMs: number } | { readonly kind: 'walk' } | undefined;

  constructor(db: Database, selection: SegmentSelection) {
    this.#db = db;
    this.#selection = selection;
  }

  /** At most `limit` ids from `fromId` on. */
  async find(fromId: number, limit: number): Promise<SegmentIds> {
    this.#plan ??= await this.#choose();
    return this.#plan.kind === 'range'
      ? this.#findByTime(fromId, limit, this.#plan.lastMs)
      : this.#walk(fromId, limit);
  }

  async #choose(): Promise<{ kind: 'range'; lastMs: number } | { kind: 'walk' }> {
    const { sinceMs, untilMs } = this.#selection;
    if (sinceMs === undefined && untilMs === undefined) return { kind: 'walk' };
    const lastMs = untilMs === undefined ? Number.MAX_SAFE_INTEGER : untilMs + (await this.#longestMs());
    const { rows } = await sql<{ found: number }>`SELECT count(*) AS found FROM
      (SELECT 1 FROM ${this.#timeIndex()} WHERE ${this.#inTime(lastMs)} LIMIT ${narrowSegments + 1})`.execute(
      this.#db,
    );
    return (rows[0]?.found ?? 0) > narrowSegments ? { kind: 'walk' } : { kind: 'range', lastMs };
  }

  /** How much time the widest segment spans: whatever ends later than this behind the range began behind it too. */
  async #longestMs(): Promise<number> {
    const { rows } = await sql<{ span: number }>`SELECT last_time_ms - first_time_ms AS span FROM segments
      ORDER BY last_time_ms - first_time_ms DESC LIMIT 1`.execute(this.#db);
    return rows[0]?.span ?? 0;
  }

  async #findByTime(fromId: number, limit: number, lastMs: number): Promise<SegmentIds> {
    const { rows } = await sql<{ id: number }>`SELECT id FROM ${this.#timeIndex()}
      WHERE ${this.#inTime(lastMs)} AND id >= ${fromId} ${this.#inStream()} ORDER BY id LIMIT ${limit}`.execute(
      this.#db,
    );
    return page(rows, limit);
  }

  async #walk(fromId: number, limit: number): Promise<SegmentIds> {
    const { device, sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER } = this.#selection;
    const table =
      device === undefined
        ? sql`segments NOT INDEXED WHERE true`
        : sql`segments INDEXED BY segments_by_device WHERE device = ${device}`;
    const endId = fromId + (device === undefined ? tableIds : indexedIds);
    const { rows } = await sql<{ id: number }>`SELECT id FROM ${table} AND id >= ${fromId} AND id < ${endId}
      AND last_time_ms >= ${sinceMs} AND first_time_ms <= ${untilMs} ${this.#inStream()}
      ORDER BY id LIMIT ${limit}`.execute(this.#db);
    const found = page(rows, limit);
    if (found.nextId !== undefined) return found;
    return { ids: found.ids, nextId: (await newestSegmentId(this.#db)) >= endId ? endId : undefined };
  }

  #timeIndex() {
    return this.#selection.device === undefined
      ? sql`segments INDEXED BY segments_by_time`
      : sql`segments INDEXED BY segments_by_device_time`;
  }

  #inTime(lastMs: number) {
    const { device, sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER } = this.#selection;
    const range = sql`last_time_ms BETWEEN ${sinceMs} AND ${lastMs} AND first_time_ms <= ${untilMs}`;
    return device === undefined ? range : sql`device = ${device} AND ${range}`;
  }

  #inStream() {
    const { stream } = this.#selection;
    return stream === undefined ? sql`` : sql`AND stream = ${stream}`;
  }
}

function page(rows: readonly { id: number }[], limit: number): SegmentIds {
  const ids = rows.map(({ id }) => id);
  const last = ids.at(-1);
  return { ids, nextId: last !== undefined && ids.length >= limit ? last + 1 : undefined };
}

/** The largest id that was ever given, 0 before the first. */
export async function newestSegmentId(db: Database): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`SELECT seq FROM sqlite_sequence WHERE name = 'segments'`.execute(db);
  return rows[0]?.seq ?? 0;
}

export type Segment = {
  readonly id: number;
  readonly device: string;
  readonly received: string;
  readonly body: Uint8Array;
};

/** undefined when retention has removed it meanwhile. */
export async function readSegment(db: Database, id: number): Promise<Segment | undefined> {
  return db
    .selectFrom('segments')
    .select(['id', 'device', 'received', 'body'])
    .where('id', '=', id)
    .executeTakeFirst();
}
