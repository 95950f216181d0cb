import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { pageLimits, readMessagePage } from '../message-page.ts';
import { registerDevice } from './devices.ts';
import { migrations } from './migrations.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';
import { openDatabase } from './open.ts';
import { selectUsage } from './retention.ts';
import type { Tables } from './schema.ts';

type OldTables = Tables & { messages: Record<string, unknown> };
const now = new Date(Date.UTC(2026, 0, 1));
const received = now.toISOString();
/** However busy the machine is. */
const limits = { ...pageLimits, elapsedMs: () => 0 };

async function oldDatabase(path: string): Promise<Kysely<OldTables>> {
  const db = new Kysely<OldTables>({ dialect: nodeSqliteDialect(path) });
  const { '0001-first': first } = migrations;
  if (!first) throw new Error('there is no first migration');
  const provider = { getMigrations: () => Promise.resolve({ '0001-first': first }) };
  const { error } = await new Migrator({ db, provider }).migrateToLatest();
  if (error !== undefined) throw error as Error;
  await registerDevice(db, now, 'a');
  return db;
}

test('messages of an older database are all there as segments, gaps and content types with them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-migration-'));
  const path = join(folder, 'db');
  try {
    const old = await oldDatabase(path);
    const row = (stream: string, seq: number, more: Record<string, unknown> = {}) => ({
      ...{ device: 'a', epoch: '0123456789abcdef', stream, seq, time: received, received },
      ...{ topic: `${stream}/${seq}`, payload: Buffer.from([seq & 0xff]), content_type: null },
      ...{ gap_count: null, gap_reason: null, ...more },
    });
    const gap = { topic: null, payload: null, gap_count: 3, gap_reason: 'bytes' };
    const rows = [
      ...Array.from({ length: 1200 }, (_, index) => row('x', index + 1)),
      row('y', 1, { content_type: 'image/png' }),
      row('x', 1203, gap),
      row('x', 1204),
    ];
    for (const values of rows) await old.insertInto('messages').values(values).execute();
    await old.destroy();

    const db = await openDatabase(path);
    const all = { device: 'a', topic: undefined, sinceMs: undefined, untilMs: undefined, limit: 2000 };
    const x = (await readMessagePage(db, { ...all, stream: 'x', after: 0 }, limits)).messages;
    expect(x.map(({ seq }) => seq)).toEqual([...Array.from({ length: 1200 }, (_, at) => at + 1), 1203, 1204]);
    expect(x[200]).toMatchObject({
      topic: 'x/201',
      payload: Buffer.from([201]).toString('base64'),
      received,
    });
    expect(x[1200]).toMatchObject({ topic: null, gap: { count: 3, reason: 'bytes' } });
    const y = (await readMessagePage(db, { ...all, stream: 'y', after: 0 }, limits)).messages;
    expect(y).toMatchObject([{ seq: 1, contentType: 'image/png' }]);
    expect(await selectUsage(db, { limit: 10, device: 'a' })).toMatchObject([
      { stream: 'x', messages: 1202 },
      { stream: 'y', messages: 1 },
    ]);
    // A pager that was under way with an old cursor sees some again, and skips none.
    const later = (await readMessagePage(db, { ...all, stream: 'x', after: 700 }, limits)).messages;
    expect(later.at(-1)).toMatchObject({ seq: 1204 });
    expect(later[0]?.seq).toBeLessThanOrEqual(701);
    await db.destroy();
  } finally {
    await rm(folder, { recursive: true });
  }
});
