import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import { migrate } from '../../agent/streams/schema.ts';
import { createLogger, silentLogger, type LogEvent } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/data-plane.ts';

/** What version 4 made of an empty file, as far as messages and what they are brought with. */
const fourthVersion = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE streams (name TEXT PRIMARY KEY, last_seq INTEGER NOT NULL, acked_seq INTEGER NOT NULL, bytes INTEGER NOT NULL,
    spent_day TEXT NOT NULL, spent_bytes INTEGER NOT NULL, epoch_start INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID, STRICT;
  CREATE TABLE messages (stream TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, size INTEGER NOT NULL, topic TEXT,
    content_type TEXT, payload BLOB, gap_count INTEGER, gap_reason TEXT, key TEXT, hops INTEGER NOT NULL DEFAULT 0, origin TEXT,
    PRIMARY KEY (stream, seq)) WITHOUT ROWID, STRICT;
  CREATE INDEX messages_by_key ON messages (stream, key, seq) WHERE key IS NOT NULL;
  CREATE INDEX messages_gaps ON messages (stream, seq) WHERE gap_count IS NOT NULL;
  CREATE TABLE consumers (stream TEXT NOT NULL, name TEXT NOT NULL, seq INTEGER NOT NULL, spent_day TEXT NOT NULL,
    spent_bytes INTEGER NOT NULL, PRIMARY KEY (stream, name)) WITHOUT ROWID, STRICT;
  CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL,
    content_type TEXT, payload BLOB NOT NULL, time INTEGER NOT NULL, hops INTEGER NOT NULL, attempts INTEGER NOT NULL,
    not_before INTEGER NOT NULL) STRICT;
  CREATE TABLE dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT, function TEXT NOT NULL, kind TEXT NOT NULL, topic TEXT NOT NULL,
    content_type TEXT, payload BLOB NOT NULL, time INTEGER NOT NULL, hops INTEGER NOT NULL, attempts INTEGER NOT NULL,
    died INTEGER NOT NULL, error_code TEXT NOT NULL, error_message TEXT NOT NULL) STRICT;
  CREATE TABLE kv (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires INTEGER, PRIMARY KEY (store, key)) WITHOUT ROWID, STRICT;
  CREATE TABLE kv_usage (store TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE retained (topic TEXT PRIMARY KEY, content_type TEXT, payload BLOB NOT NULL, qos INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE schedules (function TEXT NOT NULL, schedule TEXT NOT NULL, planned INTEGER NOT NULL, PRIMARY KEY (function, schedule)) WITHOUT ROWID, STRICT;
  CREATE TABLE pauses (function TEXT PRIMARY KEY, since INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE spending (function TEXT PRIMARY KEY, day TEXT NOT NULL, invocations INTEGER NOT NULL, egress_bytes INTEGER NOT NULL,
    cpu_ms REAL NOT NULL, dropped INTEGER NOT NULL, lifted INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE files (function TEXT NOT NULL, volume TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, modified REAL NOT NULL,
    inode REAL NOT NULL, PRIMARY KEY (function, volume, path)) WITHOUT ROWID, STRICT;
  CREATE TABLE sessions (client TEXT PRIMARY KEY, name TEXT NOT NULL, away INTEGER, dropped INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE session_subscriptions (client TEXT NOT NULL, filter TEXT NOT NULL, qos INTEGER NOT NULL, PRIMARY KEY (client, filter)) WITHOUT ROWID, STRICT;
  CREATE TABLE session_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, packet INTEGER NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL, qos INTEGER NOT NULL, retain INTEGER NOT NULL, released INTEGER NOT NULL, size INTEGER NOT NULL) STRICT;
  CREATE INDEX session_messages_by_client ON session_messages (client, id);
  CREATE TABLE session_received (client TEXT NOT NULL, packet INTEGER NOT NULL, PRIMARY KEY (client, packet)) WITHOUT ROWID, STRICT;
  CREATE TABLE session_wills (client TEXT PRIMARY KEY, name TEXT NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, qos INTEGER NOT NULL,
    retain INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  PRAGMA user_version = 4;

  INSERT INTO meta VALUES ('epoch', '0123456789abcdef');
  INSERT INTO streams VALUES ('zulu', 6, 2, 300, '2026-01-02', 77, 1, 3), ('alpha', 2, 0, 140, '', 0, 0, 2), ('empty', 9, 9, 0, '', 0, 4, 0);
  INSERT INTO messages VALUES
    ('zulu', 3, 1003, 0, NULL, NULL, NULL, 2, 'bytes', NULL, 0, NULL),
    ('zulu', 4, 1004, 100, 't/ä', 'text/plain', x'00ff80', NULL, NULL, 'k', 3, 'up/0'),
    ('zulu', 5, 1005, 100, 't', NULL, x'', NULL, NULL, 'k', 0, NULL),
    ('zulu', 6, 1006, 100, 't', NULL, x'31', NULL, NULL, NULL, 0, NULL),
    ('alpha', 1, 2001, 70, 'a', NULL, x'41', NULL, NULL, 'k', 0, NULL),
    ('alpha', 2, 2002, 70, 'a', 'x/y', x'42', NULL, NULL, NULL, 0, NULL);
  INSERT INTO consumers VALUES ('zulu', 'one', 4, '2026-01-02', 5), ('alpha', 'function:f', 1, '', 0);
  INSERT INTO events VALUES (41, 'f', 'message', 't', NULL, x'31', 7, 1, 2, 0);
  INSERT INTO kv VALUES ('store', 'key', x'32', NULL);
  INSERT INTO kv_usage VALUES ('store', 4);
  INSERT INTO retained VALUES ('r', NULL, x'33', 1);
  INSERT INTO sessions VALUES ('c', 'client', 5, 1);
  INSERT INTO session_messages VALUES (17, 'c', 3, 't', x'34', 1, 0, 0, 66);
`;

const zulu = [
  { seq: 3, time: 1003, gap: { count: 2, reason: 'bytes' } },
  {
    ...{ seq: 4, time: 1004, gap: undefined },
    message: {
      ...{ topic: 't/ä', contentType: 'text/plain', key: 'k', hops: 3, origin: 'up/0' },
      payload: Uint8Array.of(0, 0xff, 0x80),
    },
  },
  {
    ...{ seq: 5, time: 1005, gap: undefined },
    message: { topic: 't', contentType: undefined, key: 'k', payload: new Uint8Array() },
  },
  {
    ...{ seq: 6, time: 1006, gap: undefined },
    message: { topic: 't', contentType: undefined, payload: Uint8Array.of(0x31) },
  },
];
const alpha = [
  {
    ...{ seq: 1, time: 2001, gap: undefined },
    message: { topic: 'a', contentType: undefined, key: 'k', payload: Uint8Array.of(0x41) },
  },
  {
    ...{ seq: 2, time: 2002, gap: undefined },
    message: { topic: 'a', contentType: 'x/y', payload: Uint8Array.of(0x42) },
  },
];

async function fourthStore(root: string, more = ''): Promise<string> {
  await mkdir(join(root, 'data'));
  const path = join(root, 'data', 'local.db');
  using database = new DatabaseSync(path);
  database.exec(fourthVersion + more);
  return path;
}

const all = (stream: string) => ({ stream, after: 0, limit: 100, maxBytes: 2 ** 20 });

test('a store of the fourth version has every record, gap, cursor and number as before once its messages are numbered', async () => {
  await using folder = await temporaryFolder();
  await fourthStore(folder.path);
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  await using store = await LocalStore.open({ root: folder.path, logger });
  expect(await store.records(all('zulu'))).toEqual(zulu);
  expect(await store.records(all('alpha'))).toEqual(alpha);
  expect(await store.records(all('empty'))).toEqual([]);
  expect(store.epoch).toBe('0123456789abcdef');
  expect(store.counts.stream('zulu')).toMatchObject({
    ...{ lastSeq: 6, ackedSeq: 2, messages: 3, bytes: 300, epochStart: 1 },
    spent: { day: '2026-01-02', bytes: 77 },
  });
  expect(store.counts.stream('empty')).toMatchObject({ lastSeq: 9, ackedSeq: 9, messages: 0, epochStart: 4 });
  expect(store.counts.consumer('zulu', 'one')).toEqual({ seq: 4, spent: { day: '2026-01-02', bytes: 5 } });
  expect(store.counts.consumer('alpha', 'function:f')?.seq).toBe(1);
  expect(store.counts.queued('f')).toBe(1);
  expect(await store.value('store', 'key')).toEqual(Uint8Array.of(0x32));
  expect(await store.retained()).toMatchObject([{ topic: 'r', qos: 1 }]);
  expect(await store.sessionMessages({ client: 'c', after: 0, limit: 9, maxBytes: 99 })).toMatchObject([
    { id: 17, packet: 3 },
  ]);
  expect(events.map(({ event }) => event)).toEqual(['store.migration.begun', 'store.migration.ended']);
});

test('a stream of the fourth version goes on behind its last number, its gaps and keys with it', async () => {
  await using folder = await temporaryFolder();
  await fourthStore(folder.path);
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  const message = { topic: 't', payload: Buffer.from('7'), key: 'k' };
  await store.commit([
    { op: 'append', stream: 'zulu', time: 1007, message },
    { op: 'append', stream: 'empty', time: 1, message },
    { op: 'append', stream: 'new', time: 1, message },
    { op: 'compact', stream: 'zulu', before: 2000, limit: 100 },
  ]);
  const short = async (stream: string): Promise<string[]> =>
    (await store.records(all(stream))).map(({ seq, gap }) =>
      gap ? `${gap.reason}${gap.count}@${seq}` : `@${seq}`,
    );
  expect(await short('zulu')).toEqual(['bytes2@3', '@6', '@7']);
  expect(await short('alpha')).toEqual(['@1', '@2']);
  expect(await short('empty')).toEqual(['@10']);
  expect(await short('new')).toEqual(['@1']);
});

test('a long stream is moved whole, and its progress is told', async () => {
  await using folder = await temporaryFolder();
  const count = 201_234;
  await fourthStore(
    folder.path,
    `INSERT INTO streams VALUES ('long', ${count}, 0, ${count}, '', 0, 0, ${count});
     WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < ${count})
     INSERT INTO messages (stream, seq, time, size, topic, payload) SELECT 'long', seq, seq * 2, 1, 't', CAST(seq AS BLOB) FROM n;`,
  );
  const events: LogEvent[] = [];
  const logger = createLogger((event) => events.push(event));
  await using store = await LocalStore.open({ root: folder.path, logger });
  let seen = 0;
  for (let after = 0; after < count;) {
    const records = await store.records({ ...all('long'), after, limit: 5000 });
    for (const record of records) {
      const payload = record.gap ? '' : Buffer.from(record.message.payload).toString();
      if (record.seq === seen + 1 && record.time === record.seq * 2 && payload === `${record.seq}`) seen++;
    }
    after += records.length;
  }
  expect(seen).toBe(count);
  expect(events.map(({ event }) => event)).toContain('store.migration.progress');
});

test('a disk that is full leaves a store of the fourth version as it was, and the error says what it takes', async () => {
  await using folder = await temporaryFolder();
  const path = await fourthStore(folder.path);
  {
    using database = new DatabaseSync(path);
    const pages = Number(database.prepare('PRAGMA page_count').get()?.page_count);
    // The size of the file is bounded as if by the disk.
    database.exec(`PRAGMA max_page_count = ${pages}`);
    expect(() => migrate(database, path)).toThrow(
      expect.objectContaining({
        code: 'diskFull',
        hint: expect.stringMatching(/^Free 1 MiB .* nothing was changed/),
      }),
    );
    expect(database.isTransaction).toBe(false);
    expect(database.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 4 });
    expect(
      database.prepare('SELECT count(*) AS rows FROM messages WHERE stream IS NOT NULL').get(),
    ).toMatchObject({ rows: 6 });
  }
  expect((await stat(path)).size).toBeGreaterThan(0);
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  expect(await store.records(all('zulu'))).toEqual(zulu);
});

test.each([
  [
    'streams',
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2048) INSERT INTO streams SELECT 's' || i, 1, 0, 0, '', 0, 0, 0 FROM n;`,
  ],
  ['messages', `UPDATE streams SET last_seq = ${2 ** 42} WHERE name = 'zulu';`],
])(
  'a store of the fourth version with more %s than there are numbers for is refused and left as it is',
  async (_, more) => {
    await using folder = await temporaryFolder();
    const path = await fourthStore(folder.path, more);
    const opening = LocalStore.open({ root: folder.path, logger: silentLogger });
    await expect(opening).rejects.toMatchObject({ code: 'unsupported' });
    using database = new DatabaseSync(path);
    expect(database.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 4 });
  },
);
