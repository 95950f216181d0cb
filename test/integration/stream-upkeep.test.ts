import { expect, test } from '@jest/globals';
import { LocalStore } from '../../agent/streams/local-store.ts';
import type { Operation } from '../../agent/streams/operations.ts';
import { StreamUpkeep } from '../../agent/streams/stream-upkeep.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/data-plane.ts';

const appends = (count: number, time: number): Operation[] =>
  Array.from({ length: count }, () => ({
    ...{ op: 'append', stream: 's', time },
    message: { topic: 't', payload: Buffer.from('x') },
  }));

test('what is too old goes in slices, gaps or not, and all of it', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  using upkeep = new StreamUpkeep({ store, logger: silentLogger, now: () => new Date(10_000) });
  const streams = { s: { topics: [], keep: { age: 1000 }, consumers: ['slow'] } };
  upkeep.configure(streams, { functions: {}, bridges: {} });
  await store.commit([...appends(7000, 1), ...appends(3, 9500)]);
  let commits = 0;
  store.onCommit(() => commits++);
  await Promise.all([upkeep.expire(), upkeep.expire()]);
  expect(store.counts.stream('s').messages).toBe(3);
  expect(commits).toBe(4);
  await upkeep.expire();
  expect(commits).toBe(4);
  const [gap] = await store.records({ stream: 's', after: 0, limit: 10, maxBytes: 1000 });
  expect(gap).toMatchObject({ seq: 7000, gap: { count: 7000, reason: 'age' } });
});

test('what is beyond a bound that was lowered goes in slices, without waiting for the next message', async () => {
  await using folder = await temporaryFolder();
  await using store = await LocalStore.open({ root: folder.path, logger: silentLogger });
  using upkeep = new StreamUpkeep({ store, logger: silentLogger, now: () => new Date(10_000) });
  await store.commit(appends(7000, 1));
  const { bytes } = store.counts.stream('s');
  const streams = { s: { topics: [], keep: { bytes: bytes / 100 }, consumers: ['slow'] } };
  upkeep.configure(streams, { functions: {}, bridges: {} });
  let commits = 0;
  store.onCommit(() => commits++);
  await upkeep.expire();
  expect(commits).toBe(4);
  expect(store.counts.stream('s').bytes).toBeLessThanOrEqual(bytes / 100);
  const { messages } = store.counts.stream('s');
  const [gap] = await store.records({ stream: 's', after: 0, limit: 10, maxBytes: 1000 });
  expect(gap).toMatchObject({ seq: 7000 - messages, gap: { count: 7000 - messages, reason: 'bytes' } });
});
