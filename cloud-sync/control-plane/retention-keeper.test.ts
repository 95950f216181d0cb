import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { silentLogger } from '../../lib/logger.ts';
import { registerDevice } from './database/devices.ts';
import { openDatabase } from './database/open.ts';
import { readRemoved } from './database/removed.ts';
import { giveSpaceBack } from './database/remove-segments.ts';
import {
  selectUsage,
  segmentOverheadBytes,
  setKeep,
  totalBytes,
  unsetKeep,
  type Keep,
} from './database/retention.ts';
import { addUsage, insertSegment } from './database/segments.ts';
import { RetentionKeeper } from './retention-keeper.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 1);
const bodyBytes = 1000;
const segmentBytes = bodyBytes + segmentOverheadBytes;

async function setUp() {
  const db = await openDatabase(':memory:');
  for (const name of ['a', 'b']) await registerDevice(db, new Date(startMs), name);
  /** A segment of ten messages that came on that day. */
  const store = async (day: number, device = 'a', stream = 's') => {
    const times = { firstTimeMs: startMs, lastTimeMs: startMs };
    const received = new Date(startMs + day * dayMs).toISOString();
    const seqs = { firstSeq: 1, lastSeq: 10, entries: 10 };
    const line = { device, epoch: 'e', stream, ...seqs, ...times, body: Buffer.alloc(bodyBytes) };
    await insertSegment(db, received, line);
    await addUsage(db, { device, stream, segments: 1, entries: 10, bytes: bodyBytes });
  };
  const keeper = (day: number, defaults: Keep) =>
    new RetentionKeeper({
      ...{ db, logger: silentLogger, defaults },
      now: () => new Date(startMs + day * dayMs),
    });
  const round = (day: number, defaults: Keep) => keeper(day, defaults).round();
  const kept = async () =>
    (await db.selectFrom('segments').select(['device', 'stream', 'received']).orderBy('id').execute()).map(
      ({ device, stream, received }) => `${device}/${stream}@${(Date.parse(received) - startMs) / dayMs}`,
    );
  return { db, store, keeper, round, kept, [Symbol.asyncDispose]: () => db.destroy() };
}

const all: Keep = { keepMs: null, keepBytes: null };

test('nothing goes without a rule', async () => {
  await using cloud = await setUp();
  await cloud.store(0);
  expect(await cloud.round(10_000, all)).toBe(0);
  expect(await readRemoved(cloud.db, { device: 'a', stream: undefined })).toBeNull();
});

test('what was received too long ago goes, and a query can say so', async () => {
  await using cloud = await setUp();
  await cloud.store(0);
  await cloud.store(1, 'b');
  for (const day of [1, 2, 3]) await cloud.store(day);
  expect(await cloud.round(4, { keepMs: 2 * dayMs, keepBytes: null })).toBe(3);
  expect(await cloud.kept()).toEqual(['a/s@2', 'a/s@3']);
  expect(await readRemoved(cloud.db, { device: 'a', stream: 's' })).toEqual({
    count: 20,
    oldestKept: '2026-01-03T00:00:00.000Z',
  });
  expect(await readRemoved(cloud.db, { device: 'b', stream: undefined })).toEqual({
    count: 10,
    oldestKept: null,
  });
  const fleet = { device: undefined, stream: undefined };
  expect(await readRemoved(cloud.db, fleet)).toMatchObject({ count: 30 });
  const kept = { count: 30, oldestKept: '2026-01-03T00:00:00.000Z' };
  expect(await readRemoved(cloud.db, { ...fleet, stream: 's' })).toEqual(kept);
  expect(await readRemoved(cloud.db, { ...fleet, stream: 'none' })).toBeNull();
});

test('the oldest of all streams go when all take too much', async () => {
  await using cloud = await setUp();
  await cloud.store(0, 'a');
  await cloud.store(0, 'b');
  await cloud.store(1, 'a');
  await setKeep(cloud.db, { device: 'b', stream: 's' }, all);
  expect(await totalBytes(cloud.db)).toBe(3 * segmentBytes);
  expect(await cloud.round(0, { keepMs: null, keepBytes: 2 * segmentBytes - 1 })).toBe(2);
  expect(await cloud.kept()).toEqual(['a/s@1']);
  expect(await totalBytes(cloud.db)).toBe(segmentBytes);
});

test('a rule of a stream stands in the place of the default age, until it is taken away', async () => {
  await using cloud = await setUp();
  for (const day of [0, 1, 2]) {
    await cloud.store(day, 'a', 'short');
    await cloud.store(day, 'a', 'long');
    await cloud.store(day, 'a', 'small');
  }
  await setKeep(cloud.db, { device: 'a', stream: 'short' }, { keepMs: dayMs, keepBytes: null });
  await setKeep(cloud.db, { device: 'a', stream: 'long' }, all);
  await setKeep(cloud.db, { device: 'a', stream: 'small' }, { keepMs: null, keepBytes: segmentBytes });
  const defaults = { keepMs: 100 * dayMs, keepBytes: null };
  await cloud.round(3, defaults);
  expect(await cloud.kept()).toEqual(['a/long@0', 'a/long@1', 'a/short@2', 'a/long@2', 'a/small@2']);
  await cloud.round(1000, defaults);
  expect(await cloud.kept()).toEqual(['a/long@0', 'a/long@1', 'a/long@2', 'a/small@2']);
  expect(await unsetKeep(cloud.db, { device: 'a', stream: 'long' })).toBe(true);
  expect(await unsetKeep(cloud.db, { device: 'a', stream: 'long' })).toBe(false);
  await cloud.round(1000, defaults);
  expect(await cloud.kept()).toEqual(['a/small@2']);
});

test('a stream whose rule was taken away is looked at again', async () => {
  await using cloud = await setUp();
  await cloud.store(0, 'a', 'long');
  await cloud.store(0);
  await cloud.store(1, 'a', 'long');
  await setKeep(cloud.db, { device: 'a', stream: 'long' }, all);
  const keeper = cloud.keeper(9, { keepMs: dayMs, keepBytes: null });
  expect(await keeper.round()).toBe(1);
  await cloud.store(2);
  expect(await keeper.round()).toBe(1);
  await unsetKeep(cloud.db, { device: 'a', stream: 'long' });
  expect(await keeper.round()).toBe(2);
  expect(await cloud.kept()).toEqual([]);
});

test('many old segments that stay let other work have its turn, and are looked at once', async () => {
  await using cloud = await setUp();
  await setKeep(cloud.db, { device: 'a', stream: 's' }, all);
  for (let count = 0; count < 2000; count++) await cloud.store(0);
  const keeper = cloud.keeper(9, { keepMs: dayMs, keepBytes: null });
  const turnsOf = async (work: Promise<unknown>): Promise<number> => {
    const state = { turns: 0, ended: false };
    const turn = () => {
      state.turns += 1;
      if (!state.ended) setImmediate(turn);
    };
    setImmediate(turn);
    await work;
    state.ended = true;
    return state.turns;
  };
  expect(await turnsOf(keeper.round())).toBeGreaterThan(5);
  expect(await turnsOf(keeper.round())).toBeLessThan(5);
});

test('a rule for longer than time has lasted keeps everything, and stops nothing', async () => {
  await using cloud = await setUp();
  await cloud.store(0);
  await cloud.store(0, 'b');
  await setKeep(cloud.db, { device: 'a', stream: 's' }, { keepMs: Number.MAX_SAFE_INTEGER, keepBytes: null });
  expect(await cloud.round(9, { keepMs: dayMs, keepBytes: null })).toBe(1);
  expect(await cloud.kept()).toEqual(['a/s@0']);
});

test('many segments go, in as many transactions as it takes', async () => {
  await using cloud = await setUp();
  for (let count = 0; count < 700; count++) await cloud.store(0);
  await cloud.store(9);
  expect(await cloud.round(10, { keepMs: 2 * dayMs, keepBytes: null })).toBe(700);
  expect(await cloud.kept()).toEqual(['a/s@9']);
  expect(await selectUsage(cloud.db, { limit: 10, device: 'a' })).toEqual([
    { device: 'a', stream: 's', messages: 10, bytes: segmentBytes, removed: 7000, keep: null },
  ]);
});

test('the space of what is gone is given back in large pieces', async () => {
  await using cloud = await setUp();
  const free = async () =>
    (await sql<{ freelist_count: number }>`PRAGMA freelist_count`.execute(cloud.db)).rows[0];
  for (let count = 0; count < 300; count++) await cloud.store(0);
  await cloud.db.deleteFrom('segments').execute();
  expect((await free())?.freelist_count).toBeGreaterThan(50);
  expect(await giveSpaceBack(cloud.db)).toEqual({ more: false });
  expect(await free()).toEqual({ freelist_count: 0 });
});

test('streams are listed in pages', async () => {
  await using cloud = await setUp();
  for (const stream of ['x', 'y', 'z']) await cloud.store(0, 'a', stream);
  const first = await selectUsage(cloud.db, { limit: 2 });
  const rest = await selectUsage(cloud.db, { limit: 2, after: first.at(-1) });
  expect([...first, ...rest].map(({ stream }) => stream)).toEqual(['x', 'y', 'z']);
});
