import { execFileSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { chown, mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { beforeAll, afterAll, describe, expect, it } from '@jest/globals';
import type { BlobId } from '../../cloud-sync/vault/format/blob-id.ts';
import { nameOfBytes } from '../../cloud-sync/vault/format/name-bytes.ts';
import { openRepositoryWithKey } from '../../cloud-sync/vault/open-repository.ts';
import type { Repository } from '../../cloud-sync/vault/repository.ts';
import { planRestore } from '../../cloud-sync/vault/restore/plan-restore.ts';
import type { RestoreOutcome, RestoreRequest } from '../../cloud-sync/vault/restore/restore-request.ts';
import { restoreSnapshot } from '../../cloud-sync/vault/restore/restore-snapshot.ts';
import { discardStaging } from '../../cloud-sync/vault/restore/staging.ts';
import type { SnapshotOutcome } from '../../cloud-sync/vault/snapshot/snapshot-request.ts';
import { takeSnapshot } from '../../cloud-sync/vault/snapshot/take-snapshot.ts';
import { silentLogger } from '../../lib/logger.ts';
import { temporaryFolder } from '../support/cli.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';
import { makeNastyTree, seededBytes } from '../support/nasty-tree.ts';
import { hasPeer, peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';
import { treeDifferences, treeEntries, type TreeEntries } from '../support/tree-entries.ts';

const signal = AbortSignal.timeout(600_000);
const isRoot = process.geteuid?.() === 0;
/** Skipped, with the reason in the name, where one of them is missing. */
const judges = ['restic', 'getfattr', 'setfattr'];
const judged = (sentence: string, body: () => Promise<void>) => peerTest(judges, sentence, body, 120_000);
let repository: ResticRepository;
let snapshot: string;
let expected: TreeEntries;

beforeAll(async () => {
  if (!judges.every(hasPeer)) return;
  repository = await ResticRepository.create();
  makeNastyTree(repository.data);
  snapshot = await repository.backup();
  expected = entriesOf(repository.data);
}, 120_000);

afterAll(async () => {
  if (judges.every(hasPeer)) await repository[Symbol.asyncDispose]();
});

/** With the extended attributes, which are lines of their own, and the folder itself. */
function entriesOf(folder: string): TreeEntries {
  const attributes = execFileSync('getfattr', ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], {
    cwd: folder,
    encoding: 'latin1',
    maxBuffer: 2 ** 26,
  });
  return new Map([...treeEntries(folder), ['attributes', attributes]]);
}

function restore(target: string, options: Partial<RestoreRequest> = {}): Promise<RestoreOutcome> {
  return restoreSnapshot({
    repository: repository.ours,
    snapshot,
    path: repository.data,
    target,
    logger: silentLogger,
    signal,
    ...options,
  });
}

/** Of what was restored from `repository.data` below `target`. */
function restored(target: string): TreeEntries {
  return entriesOf(join(target, basename(repository.data)));
}

function snapshotOf(stored: Repository, folder: string): Promise<SnapshotOutcome> {
  return takeSnapshot({
    ...{ repository: stored, folder, recordedPath: '/data', hostname: 'here', tags: [], excludes: [] },
    ...{ parent: 'none', logger: silentLogger, signal },
  });
}

/** A restore that is stopped when all is written and nothing is in place. */
async function interruptAtTheEnd(request: Omit<RestoreRequest, 'signal'>): Promise<void> {
  const late = new AbortController();
  const interrupted = restoreSnapshot({
    ...{ ...request, signal: late.signal },
    onProgress: ({ phase }) => phase === 'finishing' && late.abort(new Error('late')),
  });
  await expect(interrupted).rejects.toThrow('late');
}

async function stagingBeside(target: string): Promise<string[]> {
  return (await readdir(dirname(target))).filter((name) => name.includes('.restoring-'));
}

describe('restoring what restic snapshotted', () => {
  judged('gives back every entry with all its attributes, as restic does', async () => {
    const target = repository.beside('whole');
    const outcome = await restore(target);
    expect(outcome).toMatchObject({ placed: true, problems: [], problemCount: 0, resumedBytes: 0 });
    expect(treeDifferences(expected, restored(target))).toEqual([]);
    const byRestic = repository.beside('by restic');
    await repository.restic('restore', snapshot, '--target', byRestic);
    expect(treeDifferences(entriesOf(join(byRestic, repository.data)), restored(target))).toEqual([]);
    expect(await stagingBeside(target)).toEqual([]);
  });

  judged('leaves holes where there were zeros', async () => {
    const target = repository.beside('sparse');
    await restore(target, { path: `${repository.data}/sparse` });
    const { size, blocks } = await stat(join(target, 'sparse'));
    expect(size).toBe(20_000_000);
    expect(blocks * 512).toBeLessThan(1_000_000);
    const full = repository.beside('not sparse');
    await restore(full, { path: `${repository.data}/zeros`, sparse: false });
    expect((await stat(join(full, 'zeros'))).blocks * 512).toBeGreaterThanOrEqual(3_000_000);
  });

  judged('restores the whole snapshot with the folders above', async () => {
    const target = repository.beside('from the root');
    await restore(target, { path: '' });
    expect(treeDifferences(expected, entriesOf(join(target, repository.data)))).toEqual([]);
  });

  judged(
    'goes into an empty folder and keeps its mode, and refuses one with entries or a path that is not there',
    async () => {
      const target = repository.beside('empty');
      await mkdir(target, { mode: 0o750 });
      await restore(target, { path: `${repository.data}/plain` });
      expect((await stat(target)).mode & 0o7777).toBe(0o750);
      expect(await readdir(target)).toEqual(['plain']);
      await expect(restore(target)).rejects.toMatchObject({ code: 'conflict' });
      await expect(restore(repository.beside('none'), { path: '/not/there' })).rejects.toMatchObject({
        code: 'notFound',
      });
    },
  );

  judged('exchanges the present state as a whole when it is to replace it', async () => {
    const target = repository.beside('replaced');
    await mkdir(join(target, 'old', 'er'), { recursive: true });
    await writeFile(join(target, 'old', 'file'), 'old');
    const outcome = await restore(target, { replace: true });
    expect(outcome.placed).toBe(true);
    expect(await readdir(target)).toEqual([basename(repository.data)]);
    expect(treeDifferences(expected, restored(target))).toEqual([]);
    expect(await stagingBeside(target)).toEqual([]);
  });

  judged('tells before what it would do', async () => {
    const target = repository.beside('planned');
    const plan = await planRestore(repository.ours, { snapshot, path: repository.data, target }, { signal });
    const outcome = await restore(target, { plan });
    expect(treeDifferences(expected, restored(target))).toEqual([]);
    expect(plan).toMatchObject({
      files: outcome.files,
      folders: outcome.folders,
      bytes: outcome.bytes,
      problems: [],
    });
    expect(plan.neededBytes).toBeLessThan(plan.bytes);
    expect(plan.packsBytes).toBeGreaterThan(20_000_000);
    expect(plan.freeBytes).toBeGreaterThan(plan.neededBytes);
  });
});

describe('restoring what we snapshotted', () => {
  judged('gives back every entry with all its attributes', async () => {
    await using own = await ResticRepository.create();
    makeNastyTree(own.data);
    symlinkSync(Buffer.from([0x80, 0x2f, 0xff]), join(own.data, 'to no UTF-8'));
    const whole = entriesOf(own.data);
    const { id } = await takeSnapshot({
      repository: own.ours,
      folder: own.data,
      recordedPath: '/volume',
      hostname: 'test',
      tags: [],
      excludes: [],
      parent: 'none',
      logger: silentLogger,
      signal,
    });
    const target = own.beside('restored');
    const outcome = await restoreSnapshot({
      repository: own.ours,
      snapshot: id,
      target,
      logger: silentLogger,
      signal,
    });
    expect(outcome.problems).toEqual([]);
    expect(treeDifferences(whole, entriesOf(target))).toEqual([]);
  });
});

describe('a target that holds the repository', () => {
  it('is not replaced: the repository would be gone with the old state', async () => {
    await using own = await ResticRepository.create();
    await writeFile(join(own.data, 'file'), 'x');
    const { id } = await snapshotOf(own.ours, own.data);
    const request = { repository: own.ours, snapshot: id, replace: true, logger: silentLogger, signal };
    const link = own.beside('link');
    symlinkSync(dirname(own.folder), link);
    for (const target of [dirname(own.folder), own.folder, link]) {
      await expect(restoreSnapshot({ ...request, target })).rejects.toMatchObject({ code: 'conflict' });
    }
    await expect(own.reopen()).resolves.toMatchObject({ id: own.ours.id });
    await expect(restoreSnapshot({ ...request, target: own.data })).resolves.toMatchObject({ placed: true });
  }, 120_000);
});

describe('an interrupted restore', () => {
  judged('goes on with what is right in the staging folder, and only with that', async () => {
    const target = repository.beside('resumed');
    const stopped = new AbortController();
    const stop = () => stopped.abort(new Error('stopped by the test'));
    const interrupted = restore(target, {
      signal: stopped.signal,
      threads: 1,
      onProgress: ({ phase }) => phase === 'finishing' && stop(),
    });
    await expect(interrupted).rejects.toThrow('stopped by the test');
    const [staging] = await stagingBeside(target);
    const tree = join(dirname(target), staging!, 'tree', basename(repository.data));
    await writeFile(join(tree, 'zeros'), seededBytes(9, 3_000_000));
    await rm(join(tree, 'same again'), { force: true });
    await writeFile(join(tree, 'not of the snapshot'), 'x');
    expect(await readdir(dirname(target))).not.toContain('resumed');

    const plan = await planRestore(repository.ours, { snapshot, path: repository.data, target }, { signal });
    expect(plan.isResumable).toBe(true);
    const outcome = await restore(target);
    expect(outcome.resumedBytes).toBeGreaterThan(20_000_000);
    expect(outcome.resumedBytes).toBeLessThan(outcome.bytes - 2_900_000);
    expect(treeDifferences(expected, restored(target))).toEqual([]);
    expect(await stagingBeside(target)).toEqual([]);
  });

  it('leaves nothing of what was wrong in the staging folder where zeros belong', async () => {
    await using temporary = await temporaryFolder();
    const [data, target] = [join(temporary.path, 'data'), join(temporary.path, 'target')];
    const content = Buffer.concat([seededBytes(1, 3_000_000), Buffer.alloc(12_000_000), seededBytes(2, 99)]);
    await mkdir(data);
    await writeFile(join(data, 'file'), content);
    const { repository: stored } = await createMemoryRepository();
    const { id } = await snapshotOf(stored, data);
    const request = { repository: stored, snapshot: id, target, logger: silentLogger };
    await interruptAtTheEnd(request);
    const [staging] = await stagingBeside(target);
    {
      await using file = await open(join(temporary.path, staging!, 'tree', 'file'), 'r+');
      await file.write(seededBytes(3, 5_000), 0, 5_000, 9_000_001);
    }
    const outcome = await restoreSnapshot({ ...request, signal });
    expect(outcome.resumedBytes).toBeGreaterThan(0);
    expect(content.equals(await readFile(join(target, 'file')))).toBe(true);
  }, 120_000);

  (isRoot ? it : it.skip)(
    'is not gone on with in a folder of another user, who may be in it',
    async () => {
      await using temporary = await temporaryFolder();
      const [data, target] = [join(temporary.path, 'data'), join(temporary.path, 'target')];
      await mkdir(data);
      await writeFile(join(data, 'file'), 'x');
      const { repository: stored } = await createMemoryRepository();
      const { id } = await snapshotOf(stored, data);
      const request = { repository: stored, snapshot: id, target, logger: silentLogger };
      await interruptAtTheEnd(request);
      const [staging] = await stagingBeside(target);
      await chown(join(temporary.path, staging!), 1234, 1234);
      await expect(restoreSnapshot({ ...request, signal })).rejects.toMatchObject({ code: 'conflict' });
      await chown(join(temporary.path, staging!), 0, 0);
      await chown(join(temporary.path, staging!, 'tree'), 1234, 1234);
      await expect(restoreSnapshot({ ...request, signal })).resolves.toMatchObject({ placed: true });
    },
    120_000,
  );

  judged('can be thrown away', async () => {
    const target = repository.beside('thrown away');
    const stopped = AbortSignal.abort(new Error('stopped'));
    await expect(restore(target, { signal: stopped })).rejects.toThrow('stopped');
    const { ours, data: path } = repository;
    await interruptAtTheEnd({ repository: ours, snapshot, path, target, logger: silentLogger });
    expect(await stagingBeside(target)).toHaveLength(1);
    expect(await discardStaging(target)).toBe(1);
    expect(await stagingBeside(target)).toEqual([]);
  });
});

describe('an index that lies', () => {
  it('leads to no file with its blobs at wrong places', async () => {
    await using temporary = await temporaryFolder();
    const [data, target] = [join(temporary.path, 'data'), join(temporary.path, 'target')];
    await mkdir(data);
    await writeFile(join(data, 'file'), seededBytes(4, 6_000_000));
    await writeFile(join(data, 'other'), seededBytes(5, 1_000));
    const { repository: stored, backend } = await createMemoryRepository();
    const { id } = await snapshotOf(stored, data);
    const packs = [...(await stored.index({ signal })).packs()];
    const [, blob] = packs.flatMap(({ blobs }) =>
      blobs.filter(({ type, length }) => type === 'data' && length > 9_999),
    );
    // Such an index is whole itself, and read last.
    await stored.addIndex([{ pack: '0'.repeat(64), blobs: [{ ...blob!, length: 5_032 }] }], { signal });
    const opened = await openRepositoryWithKey(backend, { key: stored.key, signal });
    const outcome = await restoreSnapshot({
      ...{ repository: opened, snapshot: id, target, logger: silentLogger, signal },
    });
    expect(outcome.problems).toMatchObject([{ path: '/file', code: 'damaged' }]);
    expect(await readdir(target)).toEqual(['other']);
  }, 120_000);
});

describe('a repository that lost something', () => {
  judged('gives back all but the files that need it, and names exactly those', async () => {
    await using lossy = await ResticRepository.create();
    makeNastyTree(lossy.data);
    const id = await lossy.backup();
    const whole = entriesOf(lossy.data);
    const index = await lossy.ours.index({ signal });
    const packs = [...index.packs()].filter(({ blobs }) => blobs.some(({ type }) => type === 'data'));
    const lost = packs.find(({ blobs }) => blobs.length > 1) ?? packs[0]!;
    await lossy.ours.backend.remove('data', lost.pack, { signal });
    const gone = new Set(lost.blobs.map((blob) => blob.id));
    const affected = await filesWith(lossy.ours, id, gone);
    expect(affected.length).toBeGreaterThan(0);

    const target = lossy.beside('restored');
    const outcome = await restoreSnapshot({
      repository: lossy.ours,
      snapshot: id,
      target,
      logger: silentLogger,
      signal,
    });
    expect(outcome.problems.map(({ path }) => path)).toEqual(affected);
    expect(new Set(outcome.problems.map(({ code }) => code))).toEqual(new Set(['missing']));
    const given = entriesOf(join(target, lossy.data));
    for (const [path, entry] of whole) {
      if (path === 'attributes') continue;
      const isLost = affected.includes(lossy.data + nameOfBytes(Buffer.from(path, 'latin1')));
      expect([path, given.get(path)]).toEqual([path, isLost ? undefined : entry]);
    }
    const kept = lossy.beside('kept');
    await mkdir(kept);
    await writeFile(join(kept, 'present'), 'state');
    const refused = await restoreSnapshot({
      repository: lossy.ours,
      snapshot: id,
      target: kept,
      replace: true,
      logger: silentLogger,
      signal,
    });
    expect(refused).toMatchObject({ placed: false, problemCount: affected.length });
    expect(await readdir(kept)).toEqual(['present']);
  });
});

/** By walking the trees, one by one: the paths of files with one of these blobs, sorted. */
async function filesWith(ours: Repository, id: string, gone: ReadonlySet<BlobId>): Promise<string[]> {
  const found: string[] = [];
  const walk = async (tree: BlobId, above: string): Promise<void> => {
    for (const { name, content = [], subtree } of await ours.readTree(tree, { signal })) {
      if (content.some((blob) => gone.has(blob))) found.push(`${above}/${name}`);
      if (subtree !== undefined) await walk(subtree, `${above}/${name}`);
    }
  };
  await walk((await ours.snapshot(id, { signal })).document.tree, '');
  return found.sort((a, b) => (a < b ? -1 : 1));
}
