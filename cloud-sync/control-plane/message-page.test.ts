import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import type { RelayEntry } from '../protocol/relay-batch.ts';
import { registerDevice } from './database/devices.ts';
import { openDatabase } from './database/open.ts';
import { insertSegment, timeSpan } from './database/segments.ts';
import { pageLimits, readMessagePage, type PageQuery } from './message-page.ts';
import { packBody } from './relay-body.ts';

const epoch = '0123456789abcdef';
const startMs = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;

async function setUp() {
  const db = await openDatabase(':memory:');
  for (const name of ['a', 'b']) await registerDevice(db, new Date(startMs), name);
  const seqs = new Map<string, number>();
  /** Stores a segment with a message at each minute, on the topic `t/{minute}`. */
  const store = (device: string, minutes: readonly number[], stream = 's') =>
    storeEntries(
      device,
      minutes.map((minute) => messageAt(minute)),
      stream,
    );
  const storeEntries = (device: string, made: readonly Made[], stream = 's') => {
    const firstSeq = (seqs.get(device + stream) ?? 0) + 1;
    const entries = made.map((make, index) => make(firstSeq + index));
    const lastSeq = firstSeq + entries.length - 1;
    seqs.set(device + stream, lastSeq);
    const body = packBody({ epoch, stream, firstSeq, entries });
    const span = timeSpan(entries.map(({ time }) => time));
    const line = { device, epoch, stream, firstSeq, lastSeq, entries: entries.length, ...span, body };
    return insertSegment(db, new Date(startMs).toISOString(), line);
  };
  const read = (query: Partial<PageQuery> = {}, limits: Partial<typeof pageLimits> = {}) =>
    readMessagePage(
      db,
      {
        ...{ device: 'a', stream: undefined, topic: undefined, sinceMs: undefined, untilMs: undefined },
        ...{ after: 0, limit: 1000, ...query },
      },
      { ...pageLimits, elapsedMs: () => 0, ...limits },
    );
  const topics = async (query: Partial<PageQuery> = {}) =>
    (await read(query)).messages.map(({ topic }) => topic);
  return { db, store, storeEntries, read, topics, [Symbol.asyncDispose]: () => db.destroy() };
}

type Made = (seq: number) => RelayEntry;
const messageAt =
  (minute: number): Made =>
  (seq) => ({
    ...{ seq, time: startMs + minute * minuteMs, gap: undefined, topic: `t/${minute}` },
    ...{ payload: Buffer.from(`${seq}`), contentType: undefined },
  });

test('pages of any size give every message once, in order of arrival, with growing ids', async () => {
  await using cloud = await setUp();
  for (const minutes of [[1, 2, 3], [4], [5, 6]]) await cloud.store('a', minutes);
  for (const limit of [1, 2, 4, 6, 7]) {
    const ids: number[] = [];
    const topics: unknown[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page = await cloud.read({ after, limit });
      ids.push(...page.messages.map(({ id }) => id));
      topics.push(...page.messages.map(({ topic }) => topic));
      after = page.next;
    }
    expect(topics).toEqual(['t/1', 't/2', 't/3', 't/4', 't/5', 't/6']);
    expect(ids).toEqual(ids.toSorted((one, other) => one - other));
    expect(new Set(ids).size).toBe(6);
  }
});

test('a time range gives the messages within, also of segments that reach beyond it and of clocks that stepped back', async () => {
  await using cloud = await setUp();
  await cloud.store('a', [1, 2, 3]);
  await cloud.store('a', [10, 11]);
  await cloud.store('a', [5, 2, 90]);
  await cloud.store('a', [100]);
  const range = { sinceMs: startMs + 2 * minuteMs, untilMs: startMs + 10 * minuteMs };
  expect(await cloud.topics(range)).toEqual(['t/2', 't/3', 't/10', 't/5', 't/2']);
  expect(await cloud.topics({ ...range, device: undefined })).toEqual(['t/2', 't/3', 't/10', 't/5', 't/2']);
  expect(await cloud.topics({ sinceMs: startMs + 95 * minuteMs })).toEqual(['t/100']);
  expect(await cloud.topics({ untilMs: startMs })).toEqual([]);
});

test('a selection is of one device or of all, of one stream or of all, of topics or of all', async () => {
  await using cloud = await setUp();
  await cloud.store('a', [1], 'x');
  await cloud.store('b', [2], 'x');
  await cloud.store('a', [3], 'y');
  expect(await cloud.topics()).toEqual(['t/1', 't/3']);
  expect(await cloud.topics({ stream: 'y' })).toEqual(['t/3']);
  expect(await cloud.topics({ device: undefined, stream: 'x' })).toEqual(['t/1', 't/2']);
  expect(await cloud.topics({ device: undefined, topic: 't/2' })).toEqual(['t/2']);
  expect(await cloud.topics({ topic: 't/2' })).toEqual([]);
});

test('the position is behind everything there is, though little of it was asked for', async () => {
  await using cloud = await setUp();
  await cloud.store('a', [1], 'x');
  await cloud.store('b', [2], 'y');
  const last = await cloud.store('a', [3], 'y');
  for (const query of [{ stream: 'x' }, { topic: 't/1' }, { untilMs: startMs + minuteMs }]) {
    const page = await cloud.read(query);
    expect(page.messages).toHaveLength(1);
    const { position } = page;
    expect(Math.floor(position / 8192)).toBe(last);
    expect(await cloud.read({ ...query, after: position })).toMatchObject({ messages: [], position });
  }
  const { position } = await cloud.read({ stream: 'x' });
  await cloud.store('a', [4], 'x');
  expect(await cloud.topics({ stream: 'x', after: position })).toEqual(['t/4']);
});

test('gaps are shown whatever the topic asked for', async () => {
  await using cloud = await setUp();
  const gap: Made = (seq) => ({ seq, time: startMs, gap: { count: 1, reason: 'ttl' } });
  await cloud.storeEntries('a', [messageAt(1), gap]);
  const { messages } = await cloud.read({ topic: 'none' });
  expect(messages).toMatchObject([{ topic: null, payload: null, gap: { count: 1, reason: 'ttl' } }]);
});

test('a page ends when it took long, and the next one goes on there', async () => {
  await using cloud = await setUp();
  for (let minute = 0; minute < 10; minute++) await cloud.store('a', [minute]);
  let nowMs = 0;
  const slow = { elapsedMs: () => (nowMs += 30), maxMs: 100 };
  let pages = 0;
  let after: number | null = 0;
  while (after !== null) {
    const page = await cloud.read({ after, topic: 'none' }, slow);
    expect(page.messages).toEqual([]);
    after = page.next;
    pages += 1;
  }
  expect(pages).toBeGreaterThan(2);
  expect(pages).toBeLessThan(10);
});

test('a page ends by the size of its payloads', async () => {
  await using cloud = await setUp();
  await cloud.store('a', [1, 2, 3]);
  const { messages, next } = await cloud.read({}, { maxChars: 5 });
  expect(messages).toHaveLength(2);
  expect(next).toBe(messages[1]?.id);
});

test('the time of a clock that is far off is still one that a reader understands', async () => {
  await using cloud = await setUp();
  await cloud.storeEntries('a', [(seq) => ({ ...messageAt(1)(seq), time: 8.64e15 })]);
  const { messages } = await cloud.read();
  expect(messages[0]?.time).toBe('9999-12-31T23:59:59.999Z');
});

test('a body that is broken is named', async () => {
  await using cloud = await setUp();
  const id = await cloud.store('a', [1]);
  await cloud.db
    .updateTable('segments')
    .set({ body: Buffer.from('x') })
    .execute();
  await expect(cloud.read()).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringContaining(`segment ${id}`) as unknown,
  });
});

test('looking through much that is not asked for, it lets other work have its turn', async () => {
  await using cloud = await setUp();
  await cloud.store('a', [1]);
  await sql`UPDATE sqlite_sequence SET seq = 500000 WHERE name = 'segments'`.execute(cloud.db);
  await cloud.store('b', [2]);
  const state = { turns: 0, ended: false };
  const turn = () => {
    state.turns += 1;
    if (!state.ended) setImmediate(turn);
  };
  setImmediate(turn);
  const page = await cloud.read({ device: undefined, stream: 'none' });
  state.ended = true;
  expect(page).toMatchObject({ messages: [], next: null });
  expect(state.turns).toBeGreaterThan(20);
});
