import { describe, expect, test } from '@jest/globals';
import {
  done,
  hourly,
  hourMs,
  keeperStarter,
  machine,
  outcome,
  setting,
} from '../../test/support/vault-keeper-setting.ts';
import type { ChangeWatch } from './ports.ts';
import { QuietVolumes } from './quiet-volumes.ts';

const minuteMs = 60_000;
/** Every ten minutes. */
const often = { data: { snapshot: '*/10 * * * *' } };

const started = keeperStarter();

/** A volume that has been quiet since its first scheduled snapshot. */
function quietSetting() {
  const at = setting();
  at.watch.canBeQuiet = true;
  return at;
}

describe('a scheduled snapshot of a volume to which nothing came', () => {
  test('needs no job, and the status says when that was so', async () => {
    const at = quietSetting();
    const keeper = await started(at, machine(often));
    await at.time.pass(40 * minuteMs);
    expect(at.jobs.times).toEqual(['12:10']);
    expect(keeper.status().volumes.data).toMatchObject({
      last: { snapshot: outcome.id, time: '2026-11-21T12:10:00.000Z' },
      unchanged: '2026-11-21T12:40:00.000Z',
      next: '2026-11-21T12:50:00.000Z',
      overdue: false,
    });
  });

  test('is taken again once something came', async () => {
    const at = quietSetting();
    await started(at, machine(often));
    await at.time.pass(20 * minuteMs);
    at.watch.isStill = false;
    await at.time.pass(20 * minuteMs);
    expect(at.jobs.times).toEqual(['12:10', '12:30']);
  });

  test('is taken once an hour all the same: a watch is a hint, a look at files and store is the truth', async () => {
    const at = quietSetting();
    await started(at, machine(often));
    await at.time.pass(2 * hourMs);
    expect(at.jobs.times).toEqual(['12:10', '13:00', '13:50']);
    const hourlyAt = quietSetting();
    await started(hourlyAt, machine(hourly));
    await hourlyAt.time.pass(3 * hourMs);
    expect(hourlyAt.jobs.times).toEqual(['13:00', '14:00', '15:00']);
  });

  test('is taken when something came while the one before was being taken', async () => {
    const at = quietSetting();
    at.jobs.answer = (task) => {
      at.watch.isStill = false;
      return done(task);
    };
    await started(at, machine(often));
    await at.time.pass(20 * minuteMs);
    expect(at.jobs.times).toEqual(['12:10', '12:20']);
  });

  test('is taken when the one before failed, or could not read everything', async () => {
    const at = quietSetting();
    const answers = [
      () => Promise.reject(new Error('EIO')),
      () => Promise.resolve({ kind: 'snapshot' as const, outcome: { ...outcome, problemCount: 1 } }),
    ];
    at.jobs.answer = (task) => answers.shift()?.() ?? done(task);
    await started(at, machine(often));
    await at.time.pass(40 * minuteMs);
    expect(at.jobs.times).toEqual(['12:10', '12:20', '12:30']);
  });

  test('is taken for a new generation, and for a store that was accepted as it is', async () => {
    const at = quietSetting();
    const keeper = await started(at, machine(often));
    await at.time.pass(10 * minuteMs);
    await keeper.configure(machine({ data: { snapshot: '*/10 * * * *', exclude: ['*.tmp'] } }));
    await at.time.pass(10 * minuteMs);
    const { signal } = new AbortController();
    await keeper.acceptState({ signal });
    await at.time.pass(20 * minuteMs);
    expect(at.jobs.times).toEqual(['12:10', '12:20', '12:30']);
  });

  test('is taken when somebody asks for it', async () => {
    const at = quietSetting();
    const keeper = await started(at, machine(often));
    await at.time.pass(10 * minuteMs);
    const { signal } = new AbortController();
    await keeper.snapshotVolume('data', { reason: 'request', signal });
    expect(at.jobs.tasks).toHaveLength(2);
  });
});

test('a snapshot after which another one began says nothing about what came between the two', async () => {
  const watch: ChangeWatch = {
    isQuiet: () => Promise.resolve(true),
    arm: () => Promise.resolve(),
    [Symbol.dispose]: () => undefined,
  };
  using volumes = new QuietVolumes(() => watch);
  const firstTaken = await volumes.begin('data');
  const secondTaken = await volumes.begin('data');
  firstTaken(1_000, outcome);
  expect(await volumes.isUnchanged('data', 2_000)).toBe(false);
  secondTaken(1_500, outcome);
  expect(await volumes.isUnchanged('data', 2_000)).toBe(true);
  // The clock was set back to before the snapshot.
  expect(await volumes.isUnchanged('data', 1_000)).toBe(false);
});
