import { expect, jest, test } from '@jest/globals';
import { Compactor } from '../../agent/streams/compactor.ts';
import { LocalStore } from '../../agent/streams/local-store.ts';
import type { Operation } from '../../agent/streams/operations.ts';
import { silentLogger } from '../../lib/logger.ts';
import { eventually, temporaryFolder } from '../support/data-plane.ts';

jest.setTimeout(120_000);

const appends = (count: number, { keys, time = 0 }: { keys: number; time?: number }): Operation[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ op: 'append', stream: 's', time },
    message: { topic: 't', payload: Buffer.from('x'), key: `k${index % keys}` },
  }));

async function open(now: () => number = () => 1_000_000) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const store = stack.use(await LocalStore.open({ root: folder.path, logger: silentLogger }));
  const options = { store, logger: silentLogger, now: () => new Date(now()) };
  const compactor = stack.use(new Compactor(options));
  const held = (): number => store.counts.stream('s').messages;
  return { store, compactor, options, held, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('a run drops all that is superseded, however many slices it takes, and the next one only looks at what is new', async () => {
  await using local = await open();
  local.compactor.configure(new Map([['s', 0]]));
  await local.store.commit(appends(3700, { keys: 40 }));
  await local.compactor.run();
  expect(local.held()).toBe(40);
  let commits = 0;
  local.store.onCommit(() => commits++);
  await local.compactor.run();
  expect(commits).toBe(0);
  await local.store.commit(appends(7, { keys: 7 }));
  await local.compactor.run();
  expect(local.held()).toBe(40);
  expect(commits).toBe(2);
});

test('superseded messages stay as long as they are young, over a restart of the compactor too', async () => {
  let now = 1000;
  await using local = await open(() => now);
  local.compactor.configure(new Map([['s', 500]]));
  await local.store.commit(appends(20, { keys: 5, time: 1000 }));
  await local.compactor.run();
  expect(local.held()).toBe(20);
  now = 1400;
  await local.store.commit(appends(20, { keys: 5, time: 1400 }));
  await local.compactor.run();
  expect(local.held()).toBe(40);
  now = 1600;
  await local.compactor.run();
  expect(local.held()).toBe(20);
  using restarted = new Compactor(local.options);
  restarted.configure(new Map([['s', 500]]));
  await restarted.run();
  expect(local.held()).toBe(20);
  now = 3000;
  await restarted.run();
  expect(local.held()).toBe(5);
});

test('a stream that grew by much is compacted at once, others and those not configured any more never', async () => {
  await using local = await open();
  local.compactor.configure(new Map([['s', 0]]));
  await local.store.commit(appends(10_000, { keys: 3 }));
  await eventually(() => local.held() === 3);
  local.compactor.configure(new Map());
  await local.store.commit(appends(10_000, { keys: 3 }));
  await local.compactor.run();
  expect(local.held()).toBe(10_003);
});

test('messages that may not stay any longer are dropped when the manifest says so', async () => {
  await using local = await open(() => 1000);
  local.compactor.configure(new Map([['s', 500]]));
  await local.store.commit(appends(20, { keys: 5, time: 900 }));
  await local.compactor.run();
  expect(local.held()).toBe(20);
  local.compactor.configure(new Map([['s', 0]]));
  await local.compactor.run();
  expect(local.held()).toBe(5);
});
