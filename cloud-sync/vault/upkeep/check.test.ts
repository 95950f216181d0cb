import { beforeEach, describe, expect, it } from '@jest/globals';
import { fillRepository } from '../../../test/support/fill-repository.ts';
import type { MemoryBackend } from '../../../test/support/memory-backend.ts';
import { createMemoryRepository } from '../../../test/support/memory-repository.ts';
import type { BlobType } from '../format/blob-id.ts';
import { openRepositoryWithKey } from '../open-repository.ts';
import type { PackContents, Repository } from '../repository.ts';
import { checkRepository, type CheckReport, type CheckRequest } from './check.ts';
import { lockRepository } from './locks.ts';

const { signal } = new AbortController();
const text = (seed: string) => `${seed} `.repeat(100);

let backend: MemoryBackend;
let repository: Repository;

beforeEach(async () => {
  ({ backend, repository } = await createMemoryRepository());
  await fillRepository(repository, { one: text('1'), sub: { two: text('2'), both: [text('1'), text('3')] } });
  const later = { packBlobs: 1, time: '2026-11-21T13:00:00Z' };
  await fillRepository(repository, { four: text('4'), sub: { two: text('2') } }, later);
});

const check = async (options: Partial<CheckRequest> = {}) => {
  const reopened = await openRepositoryWithKey(backend, { key: repository.key, signal });
  return checkRepository(reopened, { signal, ...options });
};
const pathsOf = ({ affected }: CheckReport) => affected.flatMap(({ paths }) => paths.map(({ path }) => path));
const packsOf = async (type: BlobType): Promise<PackContents[]> => {
  const packs = [...(await repository.index({ signal })).packs()];
  return packs.filter(({ blobs }) => blobs[0]?.type === type);
};

describe('checkRepository', () => {
  it('finds nothing where nothing is wrong, and says what it looked at', async () => {
    const looked = { snapshots: 2, trees: 4, blobs: 8, packs: 5 };
    expect(await check()).toMatchObject({ damages: [], affected: [], looked: { ...looked, packsRead: 0 } });
    expect(await check({ readData: true })).toMatchObject({
      damages: [],
      looked: { ...looked, packsRead: 5 },
    });
    expect(backend.names('locks')).toEqual([]);
  });

  it('reads everything once over all parts', async () => {
    const parts = [1, 2, 3].map((part) => check({ readData: { part, of: 3 } }));
    const read = (await Promise.all(parts)).map(({ looked }) => looked.packsRead);
    expect(read.reduce((sum, packs) => sum + packs, 0)).toBe(5);
  });

  it('names exactly the files that a missing pack costs', async () => {
    const [first] = await packsOf('data');
    backend.files.delete(`data/${first?.pack ?? ''}`);
    const report = await check();
    expect(report.damages.filter(({ kind }) => kind === 'pack')).toEqual([
      { kind: 'pack', name: first?.pack, message: 'it is missing' },
    ]);
    expect(report.damages.filter(({ kind }) => kind === 'data')).toHaveLength(3);
    expect(report.affected.map(({ count }) => count)).toEqual([3, 1]);
    expect(pathsOf(report)).toEqual(['/one', '/sub/both', '/sub/two', '/sub/two']);
  });

  it('names only the blobs that a cut costs, not all of the pack', async () => {
    const [first] = await packsOf('data');
    const second = first?.blobs[1]?.offset ?? 0;
    backend.bend(`data/${first?.pack ?? ''}`, (bytes) => bytes.subarray(0, second + 5));
    const report = await check();
    expect(report.damages.filter(({ kind }) => kind === 'data').map(({ name }) => name)).toEqual(
      first?.blobs.slice(1).map(({ id }) => id),
    );
    expect(pathsOf(report)).not.toContain('/one');
    expect(pathsOf(report)).toContain('/sub/two');
  });

  it('sees a flipped bit when it reads the data, and whose it is', async () => {
    const [first] = await packsOf('data');
    const third = first?.blobs[2];
    backend.bend(`data/${first?.pack ?? ''}`, (bytes) => void (bytes[(third?.offset ?? 0) + 20]! ^= 4));
    expect((await check()).damages).toEqual([]);
    const report = await check({ readData: true });
    expect(report.damages).toMatchObject([
      { kind: 'pack', message: expect.stringContaining('another name; 1 of its blobs') },
      { kind: 'data', name: third?.id },
    ]);
    expect(pathsOf(report)).toEqual(['/sub/both']);
  });

  it('names a folder whose tree is lost, in each snapshot that has it', async () => {
    const [, pack] = await packsOf('tree');
    backend.files.delete(`data/${pack?.pack ?? ''}`);
    const report = await check();
    expect(report.affected.flatMap(({ paths }) => paths)).toMatchObject([{ kind: 'folder' }]);
    expect(report.damages.some(({ kind, name }) => kind === 'tree' && name === pack?.blobs[0]?.id)).toBe(
      true,
    );
  });

  it('finds a blob whole in another pack that has it too', async () => {
    const [first] = await packsOf('data');
    const copy = await createMemoryRepository();
    copy.backend.files.clear();
    for (const [key, file] of backend.files) {
      if (!/^(index|data|snapshots)/.test(key)) copy.backend.files.set(key, file);
    }
    const twin = await openRepositoryWithKey(copy.backend, { key: repository.key, signal });
    await fillRepository(twin, { one: text('1'), two: text('2'), three: text('3') }, { path: '/twin' });
    for (const [key, file] of copy.backend.files) backend.files.set(key, file);
    backend.files.delete(`data/${first?.pack ?? ''}`);
    expect(await check()).toMatchObject({ affected: [], damages: [{ kind: 'pack' }] });
  });

  it('goes on beside damaged index files and snapshots, and names them', async () => {
    const [index = ''] = backend.names('index');
    const [snapshot = ''] = backend.names('snapshots');
    const [key = ''] = backend.names('keys');
    for (const file of [`index/${index}`, `snapshots/${snapshot}`, `keys/${key}`]) {
      backend.bend(file, (bytes) => void (bytes[0]! ^= 1));
    }
    const { damages, looked } = await check();
    expect(damages.slice(0, 3).map(({ kind, name }) => [kind, name])).toEqual([
      ['snapshot', snapshot],
      ['key', key],
      ['index', index],
    ]);
    expect(looked.snapshots).toBe(1);
  });

  it('names what no index has any more', async () => {
    const [index = ''] = backend.names('index');
    backend.files.delete(`index/${index}`);
    const report = await check();
    expect(report.affected).not.toEqual([]);
    expect(report.damages.length).toBeGreaterThan(0);
    expect(report.leftOver.packs).toBeGreaterThan(0);
  });

  it('takes packs that nobody names for no damage', async () => {
    await backend.write('data', 'a'.repeat(64), Buffer.alloc(10));
    expect(await check()).toMatchObject({ damages: [], leftOver: { packs: 1, bytes: 10 } });
  });

  it('runs beside a snapshot and not beside a prune', async () => {
    {
      await using _snapshot = await lockRepository(repository, { exclusive: false, signal });
      await check();
    }
    await using _prune = await lockRepository(repository, { exclusive: true, signal });
    await expect(check()).rejects.toMatchObject({ code: 'locked' });
  });

  it('tells how far it is', async () => {
    const seen: string[] = [];
    await check({ readData: true, onProgress: ({ phase }) => seen.push(phase) });
    expect([...new Set(seen)]).toEqual(['listing', 'packs', 'trees']);
  });
});
