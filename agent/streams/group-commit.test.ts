import { expect, test } from '@jest/globals';
import { GroupCommit } from './group-commit.ts';

function committer(fail: (units: readonly number[]) => void = () => undefined, limits: object = {}) {
  const groups: number[][] = [];
  const scheduled: (() => void)[] = [];
  const commits = new GroupCommit<number>({
    commit: (units) => {
      fail(units);
      groups.push([...units]);
      return new Map();
    },
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
  await Promise.resolve();
  expect([groups.length, resolved]).toEqual([0, 0]);
  turn();
  await all;
  void commits.submit(4, 1);
  turn();
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
  commits.close();
  await last;
  expect(groups).toEqual([[1]]);
  await expect(commits.submit(2, 1)).rejects.toMatchObject({ code: 'closed' });
});

test('a unit that the commit left out is rejected with its reason, the others of its group are through', async () => {
  const scheduled: (() => void)[] = [];
  const commits = new GroupCommit<number>({
    commit: () => new Map([[1, new Error('conflict')]]),
    isFatal: () => false,
    schedule: (flush) => scheduled.push(flush),
  });
  const outcomes = Promise.allSettled([7, 8, 9].map((unit) => commits.submit(unit, 1)));
  scheduled.forEach((flush) => flush());
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});
