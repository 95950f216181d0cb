import { beforeEach, describe, expect, it } from '@jest/globals';
import { fillRepository } from '../../../test/support/fill-repository.ts';
import type { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import { SyncError } from '../../errors.ts';
import type { BlobType } from '../format/blob-id.ts';
import { openRepositoryWithKey } from '../open-repository.ts';
import type { Repository } from '../repository.ts';
import { checkRepository } from './check.ts';
import { planIndexRepair } from './plan-index-repair.ts';
import { repairIndex } from './repair-index.ts';
import { planSnapshotRepair, repairSnapshots } from './repair-snapshots.ts';

const { signal } = new AbortController();
const text = (seed: string) => `${seed} `.repeat(100);

let backend: MemoryBackend;
let repository: Repository;
let first: string;

beforeEach(async () => {
  ({ backend, repository } = await createMemoryRepository());
  first = await fillRepository(repository, { one: text('1'), sub: { two: text('2'), three: text('3') } });
  await fillRepository(repository, { four: text('4'), five: text('5') }, { packBlobs: 1 });
});

const reopen = () => openRepositoryWithKey(backend, { key: repository.key, signal });
const check = async () => checkRepository(await reopen(), { readData: true, signal });
const firstPack = async (type: BlobType) =>
  [...(await repository.index({ signal })).packs()].find(({ blobs }) => blobs[0]?.type === type) ?? {
    pack: '',
    blobs: [],
  };
const treeOf = async (id: string) => {
  const reopened = await reopen();
  const { document } = await reopened.snapshot(id, { signal });
  return reopened.readTree(document.tree, { signal });
};

describe('repairIndex', () => {
  it('does nothing where nothing is wrong', async () => {
    const before = backend.names('index');
    await repairIndex(await reopen(), { readData: true, signal });
    expect(backend.names('index')).toEqual(before);
  });

  it.each(['lost', 'damaged', 'all lost'])('makes an index that is %s anew from the packs', async (how) => {
    const [index = ''] = backend.names('index');
    if (how === 'damaged') backend.bend(`index/${index}`, (bytes) => void (bytes[40]! ^= 1));
    else backend.files.delete(`index/${index}`);
    if (how === 'all lost') for (const name of backend.names('index')) backend.files.delete(`index/${name}`);
    expect((await check()).affected.length).toBeGreaterThan(0);
    const planned = await planIndexRepair(await reopen(), { signal });
    expect(await repairIndex(await reopen(), { signal })).toEqual(planned);
    expect(planned.reindexed.length).toBeGreaterThan(0);
    expect(await check()).toMatchObject({ damages: [], affected: [], leftOver: { packs: 0 } });
  });

  it('moves what is whole in a pack that was cut, and drops the rest', async () => {
    const { pack, blobs } = await firstPack('data');
    backend.bend(`data/${pack}`, (bytes) => bytes.subarray(0, (blobs[2]?.offset ?? 0) + 3));
    const plan = await repairIndex(await reopen(), { signal });
    expect(plan.salvaged).toEqual([{ pack, blobs: blobs.slice(0, 2) }]);
    const report = await check();
    expect(report.affected.map(({ paths }) => paths.map(({ path }) => path))).toEqual([['/sub/three']]);
    expect(report.damages.map(({ kind, name }) => [kind, name])).toEqual([['data', blobs[2]?.id]]);
    expect(report.leftOver.packs).toBe(1);
    const again = await repairIndex(await reopen(), { signal });
    expect(again).toMatchObject({ reindexed: [], salvaged: [], dropped: [] });
  });

  it('finds a flipped bit when it reads the data, and loses that blob only', async () => {
    const { pack, blobs } = await firstPack('data');
    backend.bend(`data/${pack}`, (bytes) => void (bytes[(blobs[1]?.offset ?? 0) + 17]! ^= 1));
    await repairIndex(await reopen(), { readData: true, signal });
    const report = await check();
    expect(report.affected.map(({ count }) => count)).toEqual([1]);
    expect(report.damages).toMatchObject([{ kind: 'data', name: blobs[1]?.id }]);
  });

  it('drops a pack that is missing', async () => {
    const { pack } = await firstPack('data');
    backend.files.delete(`data/${pack}`);
    expect((await repairIndex(await reopen(), { signal })).dropped).toEqual([pack]);
    expect((await check()).damages.map(({ kind }) => kind)).not.toContain('pack');
  });

  it('writes nothing where files can only be added', async () => {
    const [index = ''] = backend.names('index');
    backend.files.delete(`index/${index}`);
    const before = [...backend.files.keys()];
    backend.beforeChange = (change, type) => {
      if (change === 'remove' && type !== 'locks') throw new SyncError('forbidden', 'append-only');
    };
    await expect(repairIndex(await reopen(), { signal })).rejects.toMatchObject({ code: 'forbidden' });
    expect([...backend.files.keys()]).toEqual(before);
  });
});

describe('repairSnapshots', () => {
  const loseTwo = async () => {
    const { pack, blobs } = await firstPack('data');
    backend.bend(`data/${pack}`, (bytes) => bytes.subarray(0, (blobs[1]?.offset ?? 0) + 3));
    await repairIndex(await reopen(), { signal });
  };

  it('writes a damaged snapshot anew without what is lost, and marks where it comes from', async () => {
    await loseTwo();
    const { plan, repaired, removed } = await repairSnapshots(await reopen(), { signal });
    expect(plan.repairable.map(({ snapshot, count }) => [snapshot.id, count])).toEqual([[first, 2]]);
    const fresh = repaired.get(first) ?? '';
    const { document } = await repository.snapshot(fresh, { signal });
    const { document: old } = await repository.snapshot(first, { signal });
    expect(document).toEqual({ ...old, tree: document.tree, original: first });
    const [one, sub] = await treeOf(fresh);
    expect([one?.name, sub?.name]).toEqual(['one', 'sub']);
    expect(await (await reopen()).readTree(sub?.subtree ?? document.tree, { signal })).toEqual([]);
    expect(removed).toEqual([]);
  });

  it('removes the damaged ones when it is told to, and then nothing is wrong', async () => {
    await loseTwo();
    const { removed } = await repairSnapshots(await reopen(), { remove: true, signal });
    expect(removed).toEqual([first]);
    expect(await check()).toMatchObject({ damages: [], affected: [], looked: { snapshots: 2 } });
  });

  it('writes nothing twice when it is run again', async () => {
    await loseTwo();
    const before = await repairSnapshots(await reopen(), { signal });
    const files = [...backend.files.keys()];
    const again = await repairSnapshots(await reopen(), { signal });
    expect(again.repaired).toEqual(before.repaired);
    expect([...backend.files.keys()].sort()).toEqual(files.sort());
  });

  it('leaves out a folder whose tree is lost', async () => {
    const id = await fillRepository(
      repository,
      { here: text('1'), gone: { six: text('6') } },
      { packBlobs: 1 },
    );
    const { document } = await repository.snapshot(id, { signal });
    const [gone] = await repository.readTree(document.tree, { signal });
    const place = (await repository.index({ signal })).find(gone?.subtree ?? document.tree, 'tree');
    backend.files.delete(`data/${place?.pack ?? ''}`);
    await repairIndex(await reopen(), { signal });
    const { repaired } = await repairSnapshots(await reopen(), { signal });
    expect((await treeOf(repaired.get(id) ?? '')).map(({ name }) => name)).toEqual(['here']);
  });

  it('says of which snapshots nothing is left, and removes those only when told to', async () => {
    const [snapshot = ''] = backend.names('snapshots').filter((name) => name !== first);
    backend.bend(`snapshots/${snapshot}`, (bytes) => void (bytes[3]! ^= 1));
    const { document } = await repository.snapshot(first, { signal });
    const place = (await repository.index({ signal })).find(document.tree, 'tree');
    backend.files.delete(`data/${place?.pack ?? ''}`);
    await repairIndex(await reopen(), { signal });
    const plan = await planSnapshotRepair(await reopen(), { signal });
    expect(plan).toMatchObject({ repairable: [], hopeless: [{ id: first }], unreadable: [snapshot] });
    expect((await repairSnapshots(await reopen(), { signal })).removed).toEqual([]);
    expect((await repairSnapshots(await reopen(), { remove: true, signal })).removed).toEqual([
      first,
      snapshot,
    ]);
  });

  it('waits for the index to be repaired', async () => {
    const [index = ''] = backend.names('index');
    backend.bend(`index/${index}`, (bytes) => void (bytes[3]! ^= 1));
    await expect(repairSnapshots(await reopen(), { signal })).rejects.toMatchObject({
      code: 'damaged',
      hint: expect.stringContaining('repair index'),
    });
  });
});
