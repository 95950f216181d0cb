import { expect, test } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import type { Operation } from '../streams/operations.ts';
import { SessionBook, type SessionStore } from './session-book.ts';

/** A book over a disk that is full when it is told so. */
async function bookOf() {
  const disk = { isFull: false, written: [] as Operation[] };
  const store = {
    counts: { sessions: { of: () => undefined, all: () => [], count: 0, bytes: 0 } },
    sessions: () => Promise.resolve([]),
    commit: (operations: readonly Operation[]) => {
      if (disk.isFull) return Promise.reject(new Error('full'));
      disk.written.push(...operations);
      return Promise.resolve();
    },
  } as unknown as SessionStore;
  const book = await SessionBook.load({ store, now: () => new Date(0), logger: silentLogger });
  return { book, disk };
}

test('[G1] a subscription that could not be written down is written down when it is asked for again', async () => {
  const { book, disk } = await bookOf();
  const { session } = await book.open('a/1');
  await book.subscribe(session, [{ filter: 'kept', qos: 1 }]);
  disk.isFull = true;
  const asked = [
    { filter: 'kept', qos: 2 },
    { filter: 'new', qos: 1 },
  ] as const;
  await expect(book.subscribe(session, asked)).rejects.toThrow('full');
  expect(book.subscribers('new')).toEqual([]);
  expect(book.subscribers('kept')).toEqual([['a/1', 1]]);
  disk.isFull = false;
  disk.written.length = 0;
  await book.subscribe(session, asked);
  expect(disk.written).toEqual([{ op: 'subscribe', client: 'a/1', subscriptions: asked }]);
});

test('[MQTT-3.1.2-6] nothing is left for a new session of one that could not be ended on disk', async () => {
  const { book, disk } = await bookOf();
  await book.open('a/1');
  disk.isFull = true;
  await expect(book.end(['a/1'])).rejects.toThrow('full');
  disk.isFull = false;
  disk.written.length = 0;
  expect((await book.open('a/1')).present).toBe(false);
  expect(disk.written).toEqual([
    { op: 'endSession', client: 'a/1' },
    { op: 'openSession', client: 'a/1', name: 'a' },
  ]);
});
