import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { basename, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { migrate } from '../../agent/streams/schema.ts';
import { createLogger, silentLogger, type LogEvent } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/data-plane.ts';

const append = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    op: 'append' as const,
    stream: 's',
    time: index,
    message: { topic: 't', payload: Buffer.alloc(500, index) },
  }));

async function filled(root: string): Promise<{ path: string; epoch: string }> {
  await using store = await LocalStore.open({ root, logger: silentLogger });
  await store.commit(append(200));
  return { path: store.path, epoch: store.epoch };
}

test('what was committed is there after a reopening, with the same epoch', async () => {
  await using folder = await temporaryFolder();
  const { epoch } = await filled(folder.path);
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  expect(store.epoch).toBe(epoch);
  expect(store.setAside).toBeUndefined();
  expect(store.counts.stream('s').lastSeq).toBe(200);
});

test('an epoch lasts as long as the identity it is bound to', async () => {
  await using folder = await temporaryFolder();
  const { epoch } = await filled(folder.path);
  const epochOf = async (identity?: string): Promise<string> => {
    await using store = await LocalStore.open({ root: folder.path, identity, logger: silentLogger });
    expect(store.counts.stream('s').lastSeq).toBe(200);
    return store.epoch;
  };
  expect(await epochOf('first')).toBe(epoch);
  expect(await epochOf('first')).toBe(epoch);
  expect(await epochOf()).toBe(epoch);
  const second = await epochOf('second');
  expect(second).toMatch(/^[0-9a-f]{16}$/);
  expect(second).not.toBe(epoch);
  expect(await epochOf('second')).toBe(second);
  expect([epoch, second]).not.toContain(await epochOf('first'));
});

/** Takes back what a version brought. */
const undo = {
  6: 'DROP TABLE event_pages; PRAGMA user_version = 5;',
  5: `DROP INDEX messages_by_key; DROP INDEX messages_gaps; DROP INDEX streams_by_number;
    ALTER TABLE messages RENAME TO numbered; CREATE TABLE messages (stream TEXT NOT NULL, seq INTEGER NOT NULL,
    time INTEGER NOT NULL, size INTEGER NOT NULL, topic TEXT, content_type TEXT, payload BLOB, gap_count INTEGER,
    gap_reason TEXT, key TEXT, hops INTEGER NOT NULL DEFAULT 0, origin TEXT, PRIMARY KEY (stream, seq)) WITHOUT ROWID, STRICT;
    INSERT INTO messages SELECT name, id - (number << 42), time, size, topic, content_type, payload, gap_count, gap_reason,
    key, hops, origin FROM numbered JOIN streams ON number = id >> 42; DROP TABLE numbered;
    CREATE INDEX messages_by_key ON messages (stream, key, seq) WHERE key IS NOT NULL;
    CREATE INDEX messages_gaps ON messages (stream, seq) WHERE gap_count IS NOT NULL;
    ALTER TABLE streams DROP COLUMN number; PRAGMA user_version = 4;`,
  4: `DROP INDEX messages_by_key; DROP INDEX messages_gaps; DROP TABLE consumers;
    DROP TABLE dead_letters; CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, function TEXT NOT NULL,
    kind TEXT NOT NULL, topic TEXT NOT NULL, content_type TEXT, payload BLOB NOT NULL, time INTEGER NOT NULL,
    hops INTEGER NOT NULL, attempts INTEGER NOT NULL, died INTEGER NOT NULL, error_code TEXT NOT NULL,
    error_message TEXT NOT NULL) STRICT; CREATE INDEX dead_letters_by_function ON dead_letters (function, id);
    ALTER TABLE streams DROP COLUMN messages; ALTER TABLE messages DROP COLUMN key;
    ALTER TABLE messages DROP COLUMN hops; ALTER TABLE messages DROP COLUMN origin; PRAGMA user_version = 3;`,
  3: 'DROP INDEX events_by_time; DROP INDEX events_by_queue; DROP INDEX kv_by_expiry; ALTER TABLE kv DROP COLUMN expires; DROP TABLE schedules; DROP TABLE pauses; DROP TABLE spending; DROP TABLE files; PRAGMA user_version = 2;',
  2: 'ALTER TABLE streams DROP COLUMN epoch_start; PRAGMA user_version = 1;',
};

/** What no earlier version had and no statement above takes back: the tables of the broker's sessions. */
function sessionTablesOf(database: DatabaseSync): string[] {
  const earlier = ['meta', 'streams', 'messages', 'events', 'dead_letters', 'kv', 'kv_usage', 'retained'];
  const known = [...earlier, 'schedules', 'pauses', 'spending', 'files', 'consumers', 'event_pages'];
  return database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map(({ name }) => String(name))
    .filter((name) => !known.includes(name));
}

test.each([
  ['first', undo[6] + undo[5] + undo[4] + undo[3] + undo[2]],
  ['second', undo[6] + undo[5] + undo[4] + undo[3]],
  ['third', undo[6] + undo[5] + undo[4]],
  ['fifth', undo[6]],
])('a store of the %s version is brought up to date with all it holds', async (_, back) => {
  await using folder = await temporaryFolder();
  const { path, epoch } = await filled(folder.path);
  {
    using database = new DatabaseSync(path);
    database.exec("INSERT INTO kv (store, key, value) VALUES ('kept', 'key', x'31')");
    if (back !== undo[6]) for (const table of sessionTablesOf(database)) database.exec(`DROP TABLE ${table}`);
    database.exec(back);
    database.exec(
      `INSERT INTO dead_letters VALUES (7, 'f', 'message', 't', NULL, x'31', 1, 0, 5, 2, 'threw', 'no')`,
    );
  }
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  expect(store.epoch).toBe(epoch);
  expect(store.counts.stream('s')).toMatchObject({ lastSeq: 200, messages: 200, epochStart: 0 });
  expect(await store.deadLetters({ function: 'f', after: 0, limit: 9, maxBytes: 999 })).toMatchObject([
    { id: 7, attempts: 5, died: 2, error: { code: 'threw' } },
  ]);
  expect(await store.value('kept', 'key')).toEqual(Uint8Array.of(0x31));
});

test('a full disk keeps a store from its pages of events, which take little room however large it is', async () => {
  await using folder = await temporaryFolder();
  const { path } = await filled(folder.path);
  using database = new DatabaseSync(path);
  database.exec(undo[6]);
  database.exec('CREATE TABLE ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(20000000))');
  // No page is free, and the size of the file is bounded as if by the disk.
  database.exec('VACUUM; PRAGMA max_page_count = 1');
  expect(() => migrate(database, path)).toThrow(
    expect.objectContaining({ code: 'diskFull', hint: expect.stringMatching(/^Free 4 MiB /) }),
  );
});

test('events of a store without pages run first, and new ones, in pages, behind them', async () => {
  await using folder = await temporaryFolder();
  const { path } = await filled(folder.path);
  {
    using database = new DatabaseSync(path);
    database.exec(undo[6]);
    database.exec(`INSERT INTO events VALUES (41, 'f', 'message', 't', NULL, x'31', 1, 0, 2, 0)`);
  }
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  const event = {
    function: 'f',
    kind: 'message',
    topic: 't',
    payload: Buffer.alloc(1),
    time: 2,
    hops: 0,
  } as const;
  const enqueue = { op: 'enqueue', event, capacity: 99 } as const;
  await store.commit(Array.from({ length: 5 }, () => enqueue));
  const query = { function: 'f', after: 0, now: 9, ordered: true, forgiven: false, known: 0 };
  const { events } = await store.nearEvents(query);
  expect(events.map(({ id, attempts, page }) => [id, attempts, page])).toEqual([
    [41, 2, undefined],
    ...[42, 43, 44, 45, 46].map((id) => [id, 0, 46]),
  ]);
  expect(store.counts.queued('f')).toBe(6);
});

test.each(['a file of nonsense', 'a damaged page', 'a file cut short'])(
  '%s is set aside under its own name, and a new store with a new epoch begins, said aloud',
  async (damage) => {
    await using folder = await temporaryFolder();
    const { path, epoch } = await filled(folder.path);
    if (damage === 'a file of nonsense') await writeFile(path, Buffer.alloc(8192, 'nonsense'));
    else {
      await using file = await open(path, 'r+');
      const { size } = await file.stat();
      if (damage === 'a damaged page') await file.write(Buffer.alloc(4096 * 8, 0xa5), 0, 4096 * 8, 4096 * 12);
      else await file.truncate(Math.floor(size / 2 / 4096) * 4096);
    }
    const events: LogEvent[] = [];
    const logger = createLogger((event) => events.push(event));
    await using store = await LocalStore.open({ root: folder.path, logger });
    expect(store.setAside).toMatch(/local\.db\.broken-/);
    expect(store.epoch).not.toBe(epoch);
    expect(store.counts.stream('s').lastSeq).toBe(0);
    expect(events.map(({ level, event }) => `${level} ${event}`)).toEqual(['error store.corrupt']);
    expect((await readdir(join(folder.path, 'data'))).some((name) => name.includes('.broken-'))).toBe(true);
    await store.commit(append(1));
    expect(store.counts.stream('s').lastSeq).toBe(1);
  },
);

test.each([
  ['before the log followed it', true],
  ['after the new one was begun', false],
])(
  'a start that was killed while it set the store aside, %s, is gone on with, said aloud',
  async (_, isFirst) => {
    await using folder = await temporaryFolder();
    const { path, epoch } = await filled(folder.path);
    const target = `${path}.broken-2026-05-01T00-00-00-000Z`;
    await rename(path, target);
    await writeFile(`${path}-wal`, 'the newest commits');
    if (!isFirst) {
      await rename(`${path}-wal`, `${target}-wal`);
      await filled(folder.path);
    }
    await writeFile(`${path}.suspect`, basename(target));
    for (const setAside of [target, undefined]) {
      const events: LogEvent[] = [];
      const logger = createLogger((event) => events.push(event));
      await using store = await LocalStore.open({ root: folder.path, logger });
      expect([store.setAside, events.map(({ event }) => event)]).toEqual([
        setAside,
        setAside === undefined ? [] : ['store.corrupt'],
      ]);
      expect(store.epoch).not.toBe(epoch);
    }
    expect(await readFile(`${target}-wal`, 'utf8')).toBe('the newest commits');
  },
);

test('a store of a newer agent is refused and left as it is', async () => {
  await using folder = await temporaryFolder();
  const { path } = await filled(folder.path);
  {
    using database = new DatabaseSync(path);
    database.exec('PRAGMA user_version = 99');
  }
  await expect(LocalStore.open({ root: folder.path, logger: silentLogger })).rejects.toMatchObject({
    code: 'unsupported',
  });
  expect((await readdir(join(folder.path, 'data'))).filter((name) => name.includes('broken'))).toEqual([]);
});

test('writers of one turn share a transaction and are answered in order', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  let commits = 0;
  store.onCommit(() => commits++);
  const answered: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => store.commit(append(1)).then(() => answered.push(index))),
  );
  expect(commits).toBe(1);
  expect(answered).toEqual(Array.from({ length: 50 }, (_, index) => index));
});

test('a closed store says so', async () => {
  await using folder = await temporaryFolder();
  const store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  await store[Symbol.asyncDispose]();
  await expect(store.commit(append(1))).rejects.toMatchObject({ code: 'closed' });
  await expect(store.value('a', 'b')).rejects.toMatchObject({ code: 'closed' });
});
