import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkRepository } from '../../cloud-sync/vault/upkeep/check.ts';
import { forgetSnapshots } from '../../cloud-sync/vault/upkeep/forget.ts';
import { planPrune } from '../../cloud-sync/vault/upkeep/plan-prune.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
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
  it('leaves what restic finds whole and restores, and takes what nobody needs', async () => {
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
  });

  it('and the reverse: what restic pruned after us is whole for us', async () => {
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
