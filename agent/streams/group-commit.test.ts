import { expect, test } from '@jest/globals';
import { GroupCommit, type Refusals } from './group-commit.ts';

const none = { refused: new Map<number, Error>() };
const done = (): Promise<void> => Promise.resolve();

function committer(fail: (units: readonly number[]) => void = () => undefined, limits: object = {}) {
  const groups: number[][] = [];
  const scheduled: (() => void)[] = [];
  const commits = new GroupCommit<number, Refusals>({
    commit: (units) => {
      fail(units);
      groups.push([...units]);
      return none;
    },
    sync: done,
    onDurable: () => undefined,
    isFatal: (error) => error.message === 'fatal',
    schedule: (flush) => scheduled.push(flush),
    ...limits,
  });
  return { groups, commits, turn: () => scheduled.splice(0).forEach((flush) => flush()) };
}

test('the units of one turn are one commit, and nothing resolves before it', async () => {
  const { groups, commits, turn } = committer();
  let resolved = 0;
  const all = Promise.all([1, 2, 3].map((unit) => commits.submit(unit, 1).then(() => resolved++)));
  await Promise.resolve(undefined);
  expect([groups.length, resolved]).toEqual([0, 0]);
  turn();
  await all;
  const last = commits.submit(4, 1);
  turn();
  await last;
  expect(groups).toEqual([[1, 2, 3], [4]]);
});

test('a failed commit rejects its whole group, and the next group is tried', async () => {
  let full = true;
  const { groups, commits, turn } = committer(() => {
    if (full) throw new Error('full');
  });
  const outcomes = Promise.allSettled([commits.submit(1, 1), commits.submit(2, 1)]);
  turn();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  full = false;
  const later = commits.submit(3, 1);
  turn();
  await later;
  expect(groups).toEqual([[3]]);
});

test('after a fatal failure nothing is tried again, and whoever is to end the process hears of it once', async () => {
  let tries = 0;
  const told: string[] = [];
  const { commits, turn } = committer(
    () => {
      tries++;
      throw new Error('fatal');
    },
    { onFatal: (error: Error) => told.push(error.message) },
  );
  const first = commits.submit(1, 1);
  turn();
  await expect(first).rejects.toThrow('fatal');
  await expect(commits.submit(2, 1)).rejects.toThrow('fatal');
  turn();
  expect(tries).toBe(1);
  expect(told).toEqual(['fatal']);
});

test('waiting units are bounded by number and by bytes', async () => {
  const { commits, turn } = committer(undefined, { maxPendingUnits: 2, maxPendingBytes: 100 });
  const first = commits.submit(1, 90);
  await expect(commits.submit(2, 20)).rejects.toMatchObject({ code: 'overloaded', transient: true });
  const second = commits.submit(3, 10);
  await expect(commits.submit(4, 0)).rejects.toMatchObject({ code: 'overloaded' });
  turn();
  await Promise.all([first, second]);
});

test('closing commits what waits and refuses the rest', async () => {
  const { groups, commits } = committer();
  const last = commits.submit(1, 1);
  await commits.close();
  await last;
  expect(groups).toEqual([[1]]);
  await expect(commits.submit(2, 1)).rejects.toMatchObject({ code: 'closed' });
});

test('a unit that the commit left out is rejected with its reason, the others of its group are through', async () => {
  const scheduled: (() => void)[] = [];
  const commits = new GroupCommit<number, Refusals>({
    commit: () => ({ refused: new Map([[1, new Error('conflict')]]) }),
    sync: done,
    onDurable: () => undefined,
    isFatal: () => false,
    schedule: (flush) => scheduled.push(flush),
  });
  const outcomes = Promise.allSettled([7, 8, 9].map((unit) => commits.submit(unit, 1)));
  scheduled.forEach((flush) => flush());
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

/** A disk that takes its time: a sync ends when it is told how. */
function slowDisk() {
  const syncs: PromiseWithResolvers<undefined>[] = [];
  const told: string[] = [];
  const sync = (): Promise<void> => {
    const ending = Promise.withResolvers<undefined>();
    syncs.push(ending);
    return ending.promise;
  };
  return { syncs, told, options: { sync, onDurable: () => told.push('durable') } };
}
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('[G1] nobody goes on before the sync, and what comes meanwhile is the next group', async () => {
  const { syncs, told, options } = slowDisk();
  const { groups, commits, turn } = committer(undefined, options);
  void commits.submit(1, 1).then(() => told.push('first'));
  turn();
  const others = [commits.submit(2, 1), commits.submit(3, 1)];
  turn();
  await settle();
  expect([groups, told]).toEqual([[[1]], []]);
  syncs[0]?.resolve(undefined);
  await settle();
  expect(told).toEqual(['durable', 'first']);
  // Already on its way, without waiting for another turn.
  expect(groups).toEqual([[1], [2, 3]]);
  syncs[1]?.resolve(undefined);
  await Promise.all(others);
});

test('[G1] a failed sync rejects its group, and everything after it is refused', async () => {
  const { syncs, told, options } = slowDisk();
  const { groups, commits, turn } = committer(undefined, options);
  const first = commits.submit(1, 1);
  turn();
  const second = commits.submit(2, 1);
  syncs[0]?.reject(new Error('fatal'));
  const outcomes = await Promise.allSettled([first, second]);
  expect(outcomes).toMatchObject([1, 2].map(() => ({ status: 'rejected', reason: { message: 'fatal' } })));
  expect([groups, told]).toEqual([[[1]], []]);
});

test('what must be alone waits for what was submitted before it', async () => {
  const { syncs, told, options } = slowDisk();
  const { commits } = committer(undefined, options);
  const first = commits.submit(1, 1);
  const alone = commits.alone(() => Promise.resolve(void told.push('alone')));
  await settle();
  expect(told).toEqual([]);
  syncs[0]?.resolve(undefined);
  await Promise.all([first, alone]);
  expect(told).toEqual(['durable', 'alone']);
});

test('what must be alone is not held up by what comes all the time', async () => {
  const { syncs, told, options } = slowDisk();
  const { commits } = committer(undefined, options);
  void commits.submit(0, 1);
  void commits.alone(() => Promise.resolve(void told.push('alone')));
  for (let unit = 1; unit < 5; unit++) {
    void commits.submit(unit, 1);
    syncs.at(-1)?.resolve(undefined);
    await settle();
  }
  expect(told.slice(0, 2)).toEqual(['durable', 'alone']);
  expect(told.slice(2)).not.toEqual([]);
});

test('[G1] after a failed sync nothing is done alone either', async () => {
  const { syncs, told, options } = slowDisk();
  const { commits } = committer(undefined, options);
  const first = commits.submit(1, 1);
  const alone = commits.alone(() => Promise.resolve(void told.push('alone')));
  syncs[0]?.reject(new Error('fatal'));
  await expect(first).rejects.toThrow('fatal');
  await expect(alone).rejects.toThrow('fatal');
  expect(told).toEqual([]);
});

test('writers that wait for nothing but their commits leave the event loop its turns, however quick the disk', async () => {
  const notified = Promise.withResolvers<undefined>();
  const commits = new GroupCommit<number, Refusals>({
    commit: () => none,
    sync: () => undefined,
    onDurable: () => notified.resolve(undefined),
    isFatal: () => false,
  });
  let turns = 0;
  const counting = setInterval(() => turns++, 0);
  const write = async (): Promise<void> => {
    for (let unit = 0; unit < 2000; unit++) await commits.submit(unit, 1);
  };
  await Promise.all([write(), notified.promise.then(write)]);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(0);
});

test('what comes while a group is synced in this thread is committed in the next turn, and before it is closed', async () => {
  const notified = Promise.withResolvers<undefined>();
  const onDurable = () => notified.resolve(undefined);
  const { groups, commits, turn } = committer(undefined, { sync: () => undefined, onDurable });
  const next = notified.promise.then(() => [commits.submit(2, 1), commits.submit(3, 1)]);
  const first = commits.submit(1, 1);
  turn();
  await Promise.all([first, next]);
  expect(groups).toEqual([[1]]);
  turn();
  await Promise.all(await next);
  const last = commits.submit(4, 1);
  await commits.close();
  await last;
  expect(groups).toEqual([[1], [2, 3], [4]]);
});

test('[G1] a sync in this thread that fails rejects its group, and everything after it is refused', async () => {
  const sync = () => {
    throw new Error('fatal');
  };
  const { commits, turn } = committer(undefined, { sync });
  const first = commits.submit(1, 1);
  turn();
  await expect(first).rejects.toThrow('fatal');
  await expect(commits.submit(2, 1)).rejects.toThrow('fatal');
});
