import { describe, expect, test } from '@jest/globals';
import { SyncError } from '../../cloud-sync/errors.ts';
import { createLogger, type LogEvent } from '../../lib/logger.ts';
import {
  dayMs,
  done,
  hourly,
  hourMs,
  keeperStarter,
  machine,
  outcome,
  setting,
  settle,
} from '../../test/support/vault-keeper-setting.ts';

const started = keeperStarter();

describe('the schedule of snapshots', () => {
  test('is kept: one at each time, none before the first', async () => {
    const at = setting();
    const keeper = await started(at, machine(hourly));
    await at.time.pass(59 * 60_000);
    expect(at.jobs.times).toEqual([]);
    await at.time.pass(2 * hourMs);
    expect(at.jobs.times).toEqual(['13:00', '14:00']);
    expect(keeper.status().volumes.data).toMatchObject({
      last: { snapshot: outcome.id, time: '2026-11-21T14:00:00.000Z' },
      next: '2026-11-21T15:00:00.000Z',
      overdue: false,
    });
  });

  test('makes up once for what it missed while the agent was off', async () => {
    const at = setting();
    await (await started(at, machine(hourly)))[Symbol.asyncDispose]();
    at.time.nowMs += 10 * hourMs;
    await started(at, machine(hourly));
    await at.time.pass(1000);
    expect(at.jobs.times).toEqual(['22:00']);
    await at.time.pass(hourMs);
    expect(at.jobs.times).toEqual(['22:00', '23:00']);
  });

  test('does not make up for times before a volume had it', async () => {
    const at = setting();
    const keeper = await started(at, machine({ data: {} }));
    await at.time.pass(5 * hourMs);
    await keeper.configure(machine(hourly));
    await at.time.pass(60_000);
    expect(at.jobs.tasks).toEqual([]);
    await at.time.pass(hourMs);
    expect(at.jobs.tasks).toMatchObject([
      {
        kind: 'snapshot',
        recordedPath: '/volumes/data',
        folder: '/var/lib/holdfast/volumes/data',
        skipUnchanged: true,
      },
    ]);
  });

  test('tries again, ever more slowly, what may pass, and says that it is overdue', async () => {
    const at = setting();
    at.jobs.answer = () => Promise.reject(new SyncError('network', 'The cloud is away', { transient: true }));
    const keeper = await started(at, machine(hourly));
    await at.time.pass(hourMs);
    const early = at.jobs.tasks.length;
    expect(early).toBeGreaterThan(0);
    await at.time.pass(20 * 60_000);
    const { failure, overdue } = keeper.status().volumes.data!;
    expect(failure).toMatchObject({ code: 'network', attempts: at.jobs.tasks.length });
    expect(overdue).toBe(true);
    expect(at.jobs.tasks.length).toBeGreaterThan(4);
    expect(at.jobs.tasks.length).toBeLessThan(10);
    expect(keeper.components()['volumes.data']).toMatchObject({ state: 'failed' });

    at.jobs.answer = done;
    await at.time.pass(hourMs);
    expect(keeper.status().volumes.data).toMatchObject({ failure: null, overdue: false });
  });

  test('waits for the next time with what will not pass by itself', async () => {
    const at = setting();
    at.jobs.answer = () => Promise.reject(new SyncError('wrongPassphrase', 'Another repository'));
    await started(at, machine(hourly));
    await at.time.pass(3 * hourMs);
    expect(at.jobs.times).toEqual(['13:00', '14:00', '15:00']);
  });

  test('survives a full disk: no generation fails by it, and it goes on once there is room', async () => {
    const at = setting();
    at.state.isFull = true;
    await started(at, machine(hourly));
    await at.time.pass(2 * hourMs);
    expect(at.jobs.tasks).toEqual([]);
    at.state.isFull = false;
    await at.time.pass(2 * hourMs);
    expect(at.jobs.times).toEqual(['15:00', '16:00']);
  });

  test('does not begin anew at once when the disk fills up meanwhile and nothing can be written down', async () => {
    const at = setting();
    await started(at, machine(hourly));
    await at.time.pass(59 * 60_000);
    at.state.isFull = true;
    at.jobs.answer = (task) => {
      if (at.jobs.tasks.length > 50) at.state.isFull = false;
      return done(task);
    };
    await at.time.pass(5 * 60_000);
    expect(at.jobs.tasks.length).toBeGreaterThan(0);
    expect(at.jobs.tasks.length).toBeLessThan(10);
  });

  test('goes on by the clock when that ran years ahead and was set back', async () => {
    const at = setting();
    await started(at, machine({ data: { snapshot: '0 * * * *', keep: { daily: 7 } } }));
    at.time.jump(20 * 365 * dayMs);
    await at.time.pass(2 * 60_000);
    expect(at.jobs.kinds).toEqual(['snapshot', 'forget']);
    at.time.jump(-20 * 365 * dayMs);
    await at.time.pass(3 * hourMs);
    expect(at.jobs.kinds).toEqual(['snapshot', 'forget', 'snapshot', 'forget', 'snapshot', 'snapshot']);
  });

  test('tries again what failed by a clock that was ahead', async () => {
    const at = setting();
    const keeper = await started(at, machine({ data: { snapshot: '0 3 * * *' } }));
    at.jobs.answer = () => Promise.reject(new SyncError('network', 'The cloud is away', { transient: true }));
    at.time.jump(365 * dayMs);
    await at.time.pass(2 * 60_000);
    expect(at.jobs.tasks.length).toBeGreaterThan(0);
    at.jobs.answer = done;
    at.time.jump(-365 * dayMs);
    await at.time.pass(10 * 60_000);
    expect(keeper.status().volumes.data).toMatchObject({ failure: null });
  });

  test('runs one job at a time, asked for or scheduled', async () => {
    const at = setting();
    let running = 0;
    let most = 0;
    at.jobs.answer = async (task) => {
      most = Math.max(most, ++running);
      await settle();
      running--;
      return done(task);
    };
    const keeper = await started(
      at,
      machine({ one: { snapshot: '0 * * * *' }, two: { snapshot: '0 * * * *' } }),
    );
    const { signal } = new AbortController();
    const asked = ['one', 'two'].map((name) => keeper.snapshotVolume(name, { reason: 'request', signal }));
    await at.time.pass(hourMs);
    await Promise.all(asked);
    expect(at.jobs.tasks.length).toBe(4);
    expect(most).toBe(1);
  });
});

describe('power and link', () => {
  test('on battery scheduled snapshots wait where the manifest says so, asked-for ones do not', async () => {
    const at = setting();
    at.surroundings = { power: 'battery', link: 'unknown' };
    const keeper = await started(at, machine(hourly, { repository: '/mnt/backup', onBattery: 'pause' }));
    await at.time.pass(3 * hourMs);
    expect(at.jobs.tasks).toEqual([]);
    expect(keeper.status()).toMatchObject({
      paused: 'onBattery',
      power: 'battery',
      volumes: { data: { overdue: true } },
    });
    expect(keeper.components()['volumes.data']).toMatchObject({ state: 'paused' });
    const { signal } = new AbortController();
    const asked = keeper.snapshotVolume('data', { reason: 'request', signal });
    await settle();
    expect((await asked).id).toBe(outcome.id);

    at.surroundings = { power: 'mains', link: 'unknown' };
    await at.time.pass(hourMs);
    expect(at.jobs.tasks).toHaveLength(2);
    expect(keeper.status().paused).toBeNull();
  });

  test('a running one makes room, and is due as before', async () => {
    const at = setting();
    const ended: string[] = [];
    at.jobs.answer = (_task, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          ended.push('cancelled');
          reject(signal.reason as Error);
        });
      });
    const keeper = await started(
      at,
      machine(hourly, { repository: 'rest:https://backup.example.com/', onMetered: 'pause' }),
    );
    await at.time.pass(hourMs);
    at.surroundings = { power: 'mains', link: 'metered' };
    await at.time.pass(60_000);
    expect(ended).toEqual(['cancelled']);
    expect(keeper.status()).toMatchObject({
      paused: 'onMetered',
      volumes: { data: { failure: null, next: '2026-11-21T13:00:00.000Z' } },
    });
    at.jobs.answer = done;
    at.surroundings = { power: 'mains', link: 'unknown' };
    await at.time.pass(60_000);
    expect(keeper.status().volumes.data?.last).not.toBeNull();
  });

  test('a metered link is nothing to a repository in a folder', async () => {
    const at = setting();
    at.surroundings = { power: 'mains', link: 'metered' };
    await started(at, machine(hourly, { repository: '/mnt/backup', onMetered: 'pause' }));
    await at.time.pass(hourMs);
    expect(at.jobs.kinds).toEqual(['snapshot']);
  });
});

test('names of files that were not read are in the journal, and in nothing that leaves the device [G7]', async () => {
  const at = setting();
  const problems = [{ path: 'divorce.odt', code: 'unreadable' as const, message: 'EACCES' }];
  at.jobs.answer = () =>
    Promise.resolve({ kind: 'snapshot', outcome: { ...outcome, problems, problemCount: 1 } });
  const lines: LogEvent[] = [];
  const logger = createLogger((line) => lines.push(line));
  const keeper = await started(at, machine(hourly), logger);
  await at.time.pass(hourMs);
  const leaving = [...lines.map(({ local: _local, ...line }) => line), keeper.components()];
  expect(JSON.stringify(leaving)).toContain('vault.snapshot.problems');
  expect(JSON.stringify(leaving)).not.toContain('divorce');
  expect(JSON.stringify(lines)).toContain('divorce.odt');
});

describe('retention', () => {
  const kept = { data: { snapshot: '0 * * * *', keep: { daily: 7 } }, rest: {} };

  test('forgets by keep once a day, after a snapshot', async () => {
    const at = setting();
    await started(at, machine(kept));
    await at.time.pass(dayMs + 2 * hourMs);
    expect(at.jobs.kinds.filter((kind) => kind === 'forget')).toHaveLength(2);
    expect(at.jobs.tasks[1]).toEqual({
      ...{ kind: 'forget', prune: true },
      volumes: [{ recordedPath: '/volumes/data', keep: { daily: 7 } }],
    });
  });

  test('comes after a snapshot for which there was no room too, and prunes what one that failed forgot', async () => {
    const at = setting();
    const full = new SyncError('diskFull', 'No space is left', { transient: true });
    at.jobs.answer = (task) => (task.kind === 'prune' ? done(task) : Promise.reject(full));
    await started(at, machine(kept));
    await at.time.pass(2 * hourMs);
    expect(at.jobs.kinds.slice(0, 2)).toEqual(['snapshot', 'forget']);
    expect(at.state.state.retention).toMatchObject({ problem: { code: 'diskFull' } });
    at.jobs.answer = (task) => (task.kind === 'snapshot' ? Promise.reject(full) : done(task));
    await at.time.pass(dayMs);
    expect(at.jobs.kinds.filter((kind) => kind !== 'snapshot')).toEqual(['forget', 'forget', 'prune']);
    expect(at.state.state.retention).toMatchObject({ problem: null });
  });

  test('where nothing may be deleted is a note, and no failure of the volume', async () => {
    const at = setting();
    at.jobs.answer = (task) =>
      task.kind === 'forget'
        ? Promise.reject(new SyncError('forbidden', 'The store only adds', { hint: 'Ask for a grant.' }))
        : done(task);
    const keeper = await started(at, machine(kept));
    await at.time.pass(3 * hourMs);
    expect(keeper.status()).toMatchObject({
      retention: { problem: { code: 'forbidden', hint: 'Ask for a grant.' } },
      volumes: { data: { failure: null } },
    });
    expect(keeper.components()['volumes.data']).toMatchObject({ state: 'running' });
  });
});
