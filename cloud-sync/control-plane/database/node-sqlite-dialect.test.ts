import { expect, test } from '@jest/globals';
import { Kysely, sql } from 'kysely';
import { openDatabase } from './open.ts';
import { nodeSqliteDialect } from './node-sqlite-dialect.ts';

type Tables = { things: { id: number; name: string | null; bytes: Uint8Array | null } };

async function open() {
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(':memory:') });
  await sql`CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, bytes BLOB)`.execute(db);
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

test('rows come back as they went in, null and bytes included', async () => {
  await using opened = await open();
  const { db } = opened;
  const row = { id: 1, name: null, bytes: Uint8Array.of(0, 255) };
  await db.insertInto('things').values(row).execute();
  const [back] = await db.selectFrom('things').selectAll().execute();
  expect({ ...back }).toEqual(row);
});

test('a change tells how many rows it changed, and RETURNING gives them', async () => {
  await using opened = await open();
  const { db } = opened;
  const rows = [1, 2, 3].map((id) => ({ id, name: 'x', bytes: null }));
  await db.insertInto('things').values(rows).execute();
  const changed = await db.updateTable('things').set({ name: 'y' }).where('id', '>', 1).executeTakeFirst();
  expect(changed.numUpdatedRows).toBe(2n);
  const removed = await db.deleteFrom('things').where('id', '=', 3).returning('name').execute();
  expect(removed.map(({ name }) => name)).toEqual(['y']);
});

test('a transaction that fails leaves nothing, and others wait for it', async () => {
  await using opened = await open();
  const { db } = opened;
  const failing = db.transaction().execute(async (transaction) => {
    await transaction.insertInto('things').values({ id: 1, name: null, bytes: null }).execute();
    await new Promise((resolve) => setImmediate(resolve));
    throw new Error('no');
  });
  const seen = db.selectFrom('things').selectAll().execute();
  await expect(failing).rejects.toThrow('no');
  expect(await seen).toEqual([]);
});

test('more different statements than are kept prepared still work', async () => {
  await using opened = await open();
  const { db } = opened;
  for (let turn = 0; turn < 2; turn++) {
    for (let index = 0; index < 300; index++) {
      const { rows } = await sql.raw<{ n: number }>(`SELECT ${index} AS n`).execute(db);
      expect(rows[0]?.n).toBe(index);
    }
  }
});

test('a fresh database is migrated, and the same one is opened again unchanged', async () => {
  const db = await openDatabase(':memory:');
  const { tables } = { tables: await db.introspection.getTables() };
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['devices', 'segments', 'audit']));
  await db.destroy();
});
