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
