import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../../lib/logger.ts';
import type { BlobType } from '../../cloud-sync/vault/format/blob-id.ts';
import { namedFile } from '../../cloud-sync/vault/format/stored-name.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { checkRepository, type CheckReport } from '../../cloud-sync/vault/upkeep/check.ts';
import { packBytesOf } from '../../cloud-sync/vault/upkeep/pack-size.ts';
import { prune } from '../../cloud-sync/vault/upkeep/prune.ts';
import { repairIndex } from '../../cloud-sync/vault/upkeep/repair-index.ts';
import { repairSnapshots } from '../../cloud-sync/vault/upkeep/repair-snapshots.ts';
import { fillRepository } from '../support/fill-repository.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';
import { peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { treeEntries, type TreeEntries } from '../support/tree-entries.ts';

const signal = AbortSignal.timeout(600_000);

/** Hundreds of blobs in many packs: what restic backs up in one go it puts into few. */
async function backUpInParts(repository: ResticRepository): Promise<string> {
  let last = '';
  for (let part = 0; part < 12; part += 1) {
    const folder = join(repository.data, `part ${part}`);
    await mkdir(folder);
    for (let file = 0; file < 20; file += 1) {
      await writeFile(join(folder, `file ${file}`), `${part} ${file} `.repeat(1 + file * 40));
    }
    last = await repository.backup();
  }
  return last;
}

/** Every fifth pack of data by name is deleted, the next is cut in half. */
async function damage(repository: ResticRepository): Promise<{ deleted: number; cut: number }> {
  const { ours } = repository;
  const packs = [...(await ours.index({ signal })).packs()].filter(({ blobs }) => blobs[0]?.type === 'data');
  const paths = packs.map(({ pack }) => join(repository.folder, 'data', pack.slice(0, 2), pack)).sort();
  const deleted = paths.filter((_path, place) => place % 5 === 0);
  const cut = paths.filter((_path, place) => place % 5 === 1);
  const sizes = new Map(
    (await ours.backend.list('data', { signal })).map(({ name, bytes }) => [name, bytes]),
  );
  for (const path of deleted) await rm(path);
  for (const path of cut) await truncate(path, Math.floor((sizes.get(path.slice(-64)) ?? 0) / 2));
  return { deleted: deleted.length, cut: cut.length };
}

const pathsOf = ({ affected }: CheckReport, id: string) =>
  affected
    .filter(({ snapshot }) => snapshot.id === id)
    .flatMap(({ paths }) => paths.map(({ path }) => path))
    .sort();

/** Of files: a folder's entry tells of those in it by its time. */
function filesOf(entries: TreeEntries): Map<string, string> {
  return new Map([...entries].filter(([path]) => path.includes('/file ')));
}

async function restore(repository: ResticRepository, snapshot: string, name: string) {
  const ours = await repository.reopen();
  const target = repository.beside(name);
  const request = { repository: ours, snapshot, target, logger: silentLogger, signal };
  const outcome = await restoreSnapshot(request);
  return { outcome, entries: filesOf(treeEntries(target)) };
}

describe('a repository of which packs were deleted and cut', () => {
  peerTest(
    ['restic'],
    'tells exactly which files are lost, restores all others, and is whole again after a repair',
    async () => {
      await using repository = await ResticRepository.create();
      const last = await backUpInParts(repository);
      const expected = filesOf(
        new Map([...treeEntries(repository.data)].map(([path, line]) => [repository.data + path, line])),
      );
      expect(await damage(repository)).toMatchObject({ deleted: expect.any(Number) });

      const report = await checkRepository(await repository.reopen(), { signal });
      const lost = pathsOf(report, last);
      expect(lost.length).toBeGreaterThan(20);
      expect(lost.length).toBeLessThan(expected.size / 2);

      const { outcome, entries } = await restore(repository, last, 'restored');
      expect(outcome.problems.map(({ path }) => path).sort()).toEqual(lost);
      expect(entries).toEqual(new Map([...expected].filter(([path]) => !lost.includes(path))));

      await repairIndex(await repository.reopen(), { signal });
      const { repaired } = await repairSnapshots(await repository.reopen(), { remove: true, signal });
      expect(repaired.size).toBe(report.affected.length);
      await prune(await repository.reopen(), { graceMs: 0, signal });
      expect(await repository.restic('check', '--read-data')).toMatchObject({ code: 0 });
      const target = repository.beside('by restic');
      expect(await repository.restic('restore', repaired.get(last) ?? '', '--target', target)).toMatchObject({
        code: 0,
      });
      expect(filesOf(treeEntries(target))).toEqual(entries);
      expect(await checkRepository(await repository.reopen(), { readData: true, signal })).toMatchObject({
        ...{ damages: [], affected: [], leftOver: { packs: 0 } },
      });
    },
    120_000,
  );
});

describe('an index file of someone who can only add, which says that a pack of theirs has the same blobs', () => {
  const lie = async (receivedMs: number) => {
    const { backend, repository } = await createMemoryRepository();
    await fillRepository(repository, { one: 'one', two: 'two' });
    const packs = [...(await repository.index({ signal })).packs()];
    const blobs = packs.flatMap((each) => each.blobs.filter(({ type }) => type === 'data'));
    let offset = 0;
    const claimed = blobs.map((blob) => ({ ...blob, offset: (offset += blob.length) - blob.length }));
    backend.now = () => receivedMs;
    const { name, bytes } = namedFile(Buffer.alloc(packBytesOf(claimed)));
    await backend.write('data', name, bytes);
    await repository.addIndex([{ pack: name, blobs: claimed }], { signal });
    return { backend, repository, name };
  };

  it('moves no prune to let the older ones go', async () => {
    const { backend, repository, name } = await lie(Date.now() + 60_000);
    await prune(repository, { maxUnusedShare: 0, signal });
    expect(backend.names('data')).not.toContain(name);
    expect(await checkRepository(repository, { readData: true, signal })).toMatchObject({
      damages: [],
      affected: [],
    });
  });

  it('is found out by a prune that would rely on it, and nothing goes', async () => {
    const { backend, repository } = await lie(0);
    const before = backend.names('data');
    await expect(prune(repository, { maxUnusedShare: 0, signal })).rejects.toMatchObject({ code: 'damaged' });
    expect(backend.names('data')).toEqual(before);
    await repairIndex(repository, { readData: true, signal });
    await prune(repository, { maxUnusedShare: 0, graceMs: 0, signal });
    expect(await checkRepository(repository, { readData: true, signal })).toMatchObject({
      ...{ damages: [], affected: [], leftOver: { packs: 0 } },
    });
  });
});

describe('swapped', () => {
  const world = async () => {
    const { backend, repository } = await createMemoryRepository();
    await fillRepository(repository, { one: 'aaaa', two: 'bbbb', three: 'cccc' }, { packBlobs: 3 });
    await fillRepository(
      repository,
      { four: 'dddd', five: 'eeee', six: 'ffff' },
      { packBlobs: 3, path: '/other' },
    );
    const reopen = () => openRepositoryWithKey(backend, { key: repository.key, signal });
    const packs = async (type: BlobType) =>
      [...(await repository.index({ signal })).packs()].filter(({ blobs }) => blobs[0]?.type === type);
    const swap = (one: string, other: string) => {
      const [a, b] = [backend.files.get(one), backend.files.get(other)];
      if (a && b) backend.files.set(one, b).set(other, a);
    };
    return { backend, repository, reopen, packs, swap };
  };

  it('two blobs of one length in a pack are found, and neither is read as the other', async () => {
    const { backend, reopen, packs } = await world();
    const [{ pack, blobs } = { pack: '', blobs: [] }] = await packs('data');
    const [one, two] = blobs;
    if (!one || !two) throw new Error('There are three blobs');
    expect(one.length).toBe(two.length);
    backend.bend(`data/${pack}`, (bytes) =>
      Buffer.concat([
        bytes.subarray(two.offset, two.offset + two.length),
        bytes.subarray(0, two.offset),
        bytes.subarray(two.offset + two.length),
      ]),
    );
    const bent = await reopen();
    for (const { id } of [one, two]) {
      await expect(bent.readBlob(id, 'data', { signal })).rejects.toMatchObject({ code: 'corrupt' });
    }
    const report = await checkRepository(bent, { readData: true, signal });
    expect(report.affected.map(({ count }) => count)).toEqual([2]);
  });

  it('two packs are found, and no blob is read from them', async () => {
    const { reopen, packs, swap } = await world();
    const [one, two] = await packs('data');
    swap(`data/${one?.pack}`, `data/${two?.pack}`);
    const bent = await reopen();
    for (const { id } of one?.blobs ?? []) {
      await expect(bent.readBlob(id, 'data', { signal })).rejects.toMatchObject({ code: 'corrupt' });
    }
    const report = await checkRepository(bent, { readData: true, signal });
    expect(report.affected.map(({ count }) => count)).toEqual([3, 3]);
  });

  it.each(['snapshots', 'index'] as const)(
    'two files of %s are found, and neither is believed',
    async (type) => {
      const { backend, reopen, swap } = await world();
      const [one = '', two = ''] = backend.names(type);
      swap(`${type}/${one}`, `${type}/${two}`);
      const bent = await reopen();
      await expect(bent[type]({ signal })).rejects.toMatchObject({ code: 'corrupt' });
      const { damages } = await checkRepository(bent, { signal });
      expect(damages.map(({ name }) => name)).toEqual(expect.arrayContaining([one, two]));
    },
  );

  it('an index file that lies is found, and leads to nothing wrong', async () => {
    const { backend, repository, reopen, packs } = await world();
    const [{ pack, blobs } = { pack: '', blobs: [] }] = await packs('data');
    const [one, two, three] = blobs;
    if (!one || !two || !three) throw new Error('There are three blobs');
    const others = [...(await packs('data')).slice(1), ...(await packs('tree'))];
    for (const name of backend.names('index')) backend.files.delete(`index/${name}`);
    const lies = [{ ...one, offset: two.offset }, { ...two, offset: one.offset }, three];
    await repository.addIndex([{ pack, blobs: lies }, ...others], { signal });
    const bent = await reopen();
    await expect(bent.readBlob(one.id, 'data', { signal })).rejects.toMatchObject({ code: 'corrupt' });
    const report = await checkRepository(bent, { readData: true, signal });
    expect(report.affected.map(({ count }) => count)).toEqual([2]);
    await repairIndex(await reopen(), { readData: true, signal });
    expect(await checkRepository(await reopen(), { readData: true, signal })).toMatchObject({
      damages: [],
      affected: [],
    });
  });
});
