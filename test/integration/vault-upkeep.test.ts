import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { z } from 'zod';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { lockRepository } from '../../cloud-sync/vault/upkeep/locks.ts';
import { planPrune } from '../../cloud-sync/vault/upkeep/plan-prune.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { chooseKept, type Keep } from '../../cloud-sync/vault/upkeep/retention.ts';
import { fillRepository } from '../support/fill-repository.ts';
import { peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { treeEntries } from '../support/tree-entries.ts';

const signal = AbortSignal.timeout(600_000);

/** Files of which some stay, some change and some go from one generation to the next. */
async function fill(folder: string, generation: number): Promise<void> {
  for (const place of [0, 1, 2, 3, 4, 5]) {
    const subfolder = join(folder, `folder ${place}`);
    await mkdir(subfolder, { recursive: true });
    await writeFile(join(subfolder, 'same'), `the same ${place}`);
    await writeFile(join(subfolder, `of ${generation}`), randomBytes(40_000));
    if (place % 2 === 0) await writeFile(join(subfolder, 'changing'), `${generation} `.repeat(9_000));
    await rm(join(subfolder, `of ${generation - 2}`), { force: true });
  }
}

describe('pruning a repository that restic wrote', () => {
  peerTest(
    ['restic'],
    'leaves what restic finds whole and restores, and takes what nobody needs',
    async () => {
      await using repository = await ResticRepository.create();
      const { ours } = repository;
      const snapshots: string[] = [];
      for (const generation of [1, 2, 3, 4]) {
        await fill(repository.data, generation);
        snapshots.push(await repository.backup());
      }
      const expected = treeEntries(repository.data);
      await forgetSnapshots(ours, { snapshots: [snapshots[0] ?? '', snapshots[2] ?? ''], signal });
      const planned = await planPrune(ours, { maxUnusedShare: 0, signal });
      const { plan, newPacks } = await prune(ours, { maxUnusedShare: 0, signal });
      expect(plan).toEqual(planned);
      expect(plan.rewritten.length + plan.removed.length).toBeGreaterThan(0);
      expect(newPacks).toBeGreaterThan(0);

      expect(await repository.restic('check', '--read-data')).toMatchObject({ code: 0 });
      const report = await checkRepository(await repository.reopen(), { readData: true, signal });
      expect(report).toMatchObject({ damages: [], affected: [], leftOver: { packs: 0 } });
      const stays = await ours.backend.list('data', { signal });
      const bytes = stays.reduce((sum, file) => sum + file.bytes, 0);
      expect(Math.abs(plan.bytes.total - plan.bytes.freed - bytes)).toBeLessThan(1_000);

      const target = repository.beside('restored');
      expect(await repository.restic('restore', snapshots[3] ?? '', '--target', target)).toMatchObject({
        code: 0,
      });
      expect(treeEntries(join(target, repository.data))).toEqual(expected);
      expect((await planPrune(ours, { maxUnusedShare: 0, signal })).bytes.freed).toBe(0);
    },
  );

  peerTest(['restic'], 'and the reverse: what restic pruned after us is whole for us', async () => {
    await using repository = await ResticRepository.create();
    for (const generation of [1, 2, 3]) {
      await fill(repository.data, generation);
      await repository.backup();
    }
    const [first] = await repository.ours.snapshots({ signal });
    await forgetSnapshots(repository.ours, { snapshots: [first?.id ?? ''], signal });
    await prune(repository.ours, { signal });
    expect(await repository.restic('forget', '--keep-last', '1', '--prune')).toMatchObject({ code: 0 });
    const report = await checkRepository(repository.ours, { readData: true, signal });
    expect(report).toMatchObject({ damages: [], affected: [], looked: { snapshots: 1 } });
  });
});

describe('locks', () => {
  peerTest(['restic'], 'of ours stand against restic, as far as they have to', async () => {
    await using repository = await ResticRepository.create();
    await writeFile(join(repository.data, 'file'), 'content');
    {
      await using _shared = await lockRepository(repository.ours, { exclusive: false, signal });
      await repository.backup();
      const { code, errors } = await repository.restic('prune');
      expect({ code, errors }).toEqual({ code: 1, errors: expect.stringContaining('already locked') });
    }
    {
      await using _alone = await lockRepository(repository.ours, { exclusive: true, signal });
      const { code, errors } = await repository.restic('backup', repository.data);
      expect({ code, errors }).toEqual({
        code: 1,
        errors: expect.stringMatching(new RegExp(`locked exclusively by PID ${process.pid} on`)),
      });
    }
    expect(await repository.restic('prune')).toMatchObject({ code: 0 });
  });

  peerTest(['restic'], 'of restic stand against ours until its process is gone', async () => {
    await using repository = await ResticRepository.create();
    const { ours } = repository;
    const child = repository.openEndedBackup();
    const ended = once(child, 'exit');
    while ((await ours.backend.list('locks', { signal })).length === 0)
      await sleep(20, undefined, { signal });
    {
      await using _shared = await lockRepository(ours, { exclusive: false, signal });
    }
    await expect(lockRepository(ours, { exclusive: true, signal })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(`process ${child.pid} of`),
    });
    child.kill('SIGKILL');
    await ended;
    await using _alone = await lockRepository(ours, { exclusive: true, signal });
    expect(await ours.backend.list('locks', { signal })).toHaveLength(1);
  });
});

describe('retention', () => {
  const keeps: readonly (readonly [Keep, ...string[]])[] = [
    [{ last: 5 }, '--keep-last', '5'],
    [{ hourly: 7 }, '--keep-hourly', '7'],
    [{ daily: 4, weekly: 3 }, '--keep-daily', '4', '--keep-weekly', '3'],
    [{ monthly: 5, yearly: 2 }, '--keep-monthly', '5', '--keep-yearly', '2'],
    [{ within: 50 * 3_600_000, daily: 3 }, '--keep-within', '50h', '--keep-daily', '3'],
    [{ last: 2, weekly: 60 }, '--keep-last', '2', '--keep-weekly', '60'],
  ];

  peerTest(
    ['restic'],
    'keeps by the claimed times what restic keeps, and the first of each period besides',
    async () => {
      await using repository = await ResticRepository.create();
      const { ours } = repository;
      await fillHistory(ours);
      const silent = (await ours.snapshots({ signal })).map((each) => ({ ...each, receivedMs: null }));
      for (const [keep, ...flags] of keeps) {
        const chosen = chooseKept(silent, keep, Date.now()).flatMap(({ kept }) => kept);
        const byBoth = chosen.filter(({ reasons }) =>
          reasons.some((reason) => !reason.startsWith('first of')),
        );
        const { output } = await repository.restic('forget', '--dry-run', '--json', ...flags);
        const groups = forgetSchema.parse(JSON.parse(output));
        expect(byBoth.map(({ snapshot: { id } }) => id).sort()).toEqual(
          groups.flatMap(({ keep: kept }) => kept.map(({ id }) => id)).sort(),
        );
      }
    },
  );
});

const forgetSchema = z.array(z.object({ keep: z.array(z.object({ id: z.string() })) }));

/** Two years of two folders, at times that are spread by a fixed rule over all hours and weekdays. */
async function fillHistory(ours: Repository): Promise<void> {
  const id = await fillRepository(ours, { file: 'content' });
  const { document } = await ours.snapshot(id, { signal });
  for (let place = 0; place < 150; place += 1) {
    const hours = Math.floor(place ** 2 / 1.3 + (place % 7) * 0.4);
    const time = new Date(
      Date.parse('2026-01-05T11:40:00Z') - hours * 3_600_000 - place * 61_000,
    ).toISOString();
    await ours.addSnapshot({ ...document, time, paths: [place % 3 === 0 ? '/b' : '/a'] }, { signal });
  }
  await forgetSnapshots(ours, { snapshots: [id], signal });
}
