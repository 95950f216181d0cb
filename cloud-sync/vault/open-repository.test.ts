import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryBackend } from '../../test/support/memory-backend.ts';
import { SyncError } from '../errors.ts';
import { encodeBlob } from './format/blob-codec.ts';
import { blobIdOf } from './format/blob-id.ts';
import { wrapKey } from './format/key-file.ts';
import { createMasterKey, masterKeyBytes, type MasterKey } from './format/master-key.ts';
import { PackWriter } from './format/pack-writer.ts';
import { Sealer } from './format/sealer.ts';
import type { SnapshotDocument } from './format/snapshot-document.ts';
import { createRepository, openRepository, openRepositoryWithKey } from './open-repository.ts';
import type { PackContents, Repository } from './repository.ts';

const { signal } = new AbortController();
const quick = { cost: { N: 2, r: 1, p: 1 }, user: 'u', host: 'h' };
const keys = async (key: MasterKey) => [await wrapKey(key, 'right', quick)];
const hello = Buffer.from('hello '.repeat(100));
let backend: MemoryBackend;

beforeEach(() => {
  backend = new MemoryBackend();
});

const create = () => createRepository(backend, { keys, signal });
const open = (password = 'right') => openRepository(backend, { password, signal });

async function addPack(repository: Repository, ...plains: readonly Buffer[]): Promise<PackContents> {
  const sealer = new Sealer(repository.key);
  const writer = new PackWriter({ memory: Buffer.allocUnsafeSlow(1024) });
  for (const plain of plains) {
    writer.add({ type: 'data', id: blobIdOf(plain), ...encodeBlob(sealer, plain, 3) });
  }
  const { name, bytes, contents } = writer.finish(sealer);
  await repository.backend.write('data', name, bytes, { signal });
  return contents;
}

const document = (time: string, hostname = 'h'): SnapshotDocument => ({
  time,
  tree: blobIdOf(Buffer.from('tree')),
  paths: ['/x'],
  hostname,
  username: '',
  uid: 0,
  gid: 0,
  tags: [],
  excludes: [],
});

describe('a repository is created', () => {
  test('keys first and the config last, and opens with the password', async () => {
    const order: string[] = [];
    backend.beforeChange = (_change, type) => order.push(type);
    const created = await create();
    expect(order).toEqual(['keys', 'config']);
    const opened = await open();
    expect([opened.id, opened.version]).toEqual([created.id, 2]);
    expect(masterKeyBytes(opened.key)).toEqual(masterKeyBytes(created.key));
    await expect(open('wrong')).rejects.toMatchObject({ code: 'wrongPassphrase' });
  });

  test('not where there is one already', async () => {
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'repositoryExists' });
  });

  test('not where snapshots have lost their config', async () => {
    const repository = await create();
    await repository.addSnapshot(document('2026-01-01T00:00:00Z'), { signal });
    backend.files.delete('config/');
    await expect(create()).rejects.toMatchObject({ code: 'repositoryExists' });
  });

  test('by one of two that do so at once', async () => {
    const outcomes = await Promise.allSettled([create(), create()]);
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    expect(failed).toHaveLength(1);
    expect(failed[0]).toMatchObject({ reason: { code: 'repositoryExists' } });
    expect(backend.names('keys')).toHaveLength(2);
    expect((await open()).id).toMatch(/^[0-9a-f]{64}$/);
  });

  test('again after it was cut short, whatever key was left', async () => {
    backend.beforeChange = (_change, type) => {
      if (type === 'config') throw new SyncError('network', 'gone');
    };
    await expect(create()).rejects.toMatchObject({ code: 'network' });
    backend.beforeChange = () => undefined;
    await expect(open()).rejects.toMatchObject({ code: 'noRepository' });
    const { id } = await create();
    expect((await open()).id).toBe(id);
  });
});

describe('a repository opens', () => {
  test('not where there is none', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'noRepository' });
    const key = createMasterKey();
    await expect(openRepositoryWithKey(backend, { key, signal })).rejects.toMatchObject({
      code: 'noRepository',
    });
  });

  test('with its key and not with another', async () => {
    const { key, id } = await create();
    expect((await openRepositoryWithKey(backend, { key, signal })).id).toBe(id);
    const other = openRepositoryWithKey(backend, { key: createMasterKey(), signal });
    await expect(other).rejects.toMatchObject({ code: 'corrupt' });
  });

  test('by any of its keys, though others are damaged or bombs', async () => {
    const { id, key } = await create();
    const bomb = {
      ...(JSON.parse(String((await wrapKey(key, 'right', quick)).bytes)) as object),
      N: 2 ** 31,
    };
    for (const [name, text] of [
      ['1', '{'],
      ['2', JSON.stringify(bomb)],
      ['3', ' '.repeat(100_000)],
    ] as const) {
      await backend.write('keys', name.repeat(64), Buffer.from(text));
    }
    const { name, bytes } = await wrapKey(key, 'other', quick);
    await backend.write('keys', name, bytes);
    expect((await open()).id).toBe(id);
    expect((await open('other')).id).toBe(id);
  });

  test('and says so when no key file can be read', async () => {
    await create();
    for (const [key, file] of backend.files) if (key.startsWith('keys/')) file.bytes = Buffer.from('{}');
    await expect(open()).rejects.toMatchObject({ code: 'badKeyFile' });
  });

  test('and names its config when that is damaged', async () => {
    await create();
    const config = backend.files.get('config/');
    if (config) config.bytes = Buffer.concat([config.bytes, Buffer.of(0)]);
    await expect(open()).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('config'),
    });
  });
});

describe('blobs', () => {
  test('are read over the index, with what was added since', async () => {
    const repository = await create();
    const id = blobIdOf(hello);
    await expect(repository.readBlob(id, 'data', { signal })).rejects.toMatchObject({ code: 'notFound' });
    await repository.addIndex([await addPack(repository, hello)], { signal });
    expect(await repository.readBlob(id, 'data', { signal })).toEqual(hello);
    await expect(repository.readBlob(id, 'tree', { signal })).rejects.toMatchObject({ code: 'notFound' });
  });

  test('are read from another pack when one is damaged or gone', async () => {
    const repository = await create();
    const packs = [
      await addPack(repository, hello),
      await addPack(repository, Buffer.from('x'), hello),
      await addPack(repository, hello, Buffer.from('y')),
    ];
    await repository.addIndex(packs, { signal });
    const [first, second, third] = packs.map(({ pack }) => pack);
    backend.files.delete(`data/${first}`);
    const damaged = backend.files.get(`data/${third}`);
    if (damaged) damaged.bytes.fill(0, 0, 40);
    const id = blobIdOf(hello);
    expect(await repository.readBlob(id, 'data', { signal })).toEqual(hello);
    backend.files.delete(`data/${second}`);
    await expect(repository.readBlob(id, 'data', { signal })).rejects.toBeInstanceOf(SyncError);
  });
});

describe('the index', () => {
  test('takes in new files, drops those that are gone, and leaves alone what was handed out', async () => {
    const repository = await create();
    const packs = [await addPack(repository, hello), await addPack(repository, Buffer.from('x'))];
    const [first] = await repository.addIndex(packs.slice(0, 1), { signal });
    const before = await repository.index({ signal });
    expect(await repository.index({ signal })).toBe(before);
    const [second] = await repository.addIndex(packs.slice(1), { signal });
    const both = await repository.index({ signal });
    expect([before.blobCount, both.blobCount]).toEqual([1, 2]);
    expect(both.files).toEqual([first, second]);
    backend.files.delete(`index/${first}`);
    const after = await repository.index({ signal });
    expect([after.files, after.has(blobIdOf(hello), 'data')]).toEqual([[second], false]);
  });

  test('is read again when a file is replaced while it is read', async () => {
    const repository = await create();
    const packs = [await addPack(repository, hello)];
    const [gone] = await repository.addIndex(packs, { signal });
    const list = backend.list.bind(backend);
    let lies = 2;
    backend.list = async (type) => {
      const listed = await list(type);
      if (type !== 'index' || lies === 0) return listed;
      lies -= 1;
      return [...listed, { name: '0'.repeat(64), bytes: 1, receivedMs: 0 }];
    };
    expect((await repository.index({ signal })).files).toEqual([gone]);
    lies = 99;
    backend.files.delete(`index/${gone}`);
    await expect(repository.index({ signal })).rejects.toMatchObject({ code: 'notFound' });
  });

  test('is refused when a file of it was exchanged for another', async () => {
    const repository = await create();
    const names = await repository.addIndex([await addPack(repository, hello)], { signal });
    const others = await repository.addIndex([await addPack(repository, Buffer.from('x'))], { signal });
    const other = backend.files.get(`index/${others[0]}`);
    if (other) backend.files.set(`index/${names[0]}`, other);
    await expect(repository.index({ signal })).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining(names[0] ?? '?'),
    });
  });

  test('is read without a damaged file by who asks for that, and by nobody else', async () => {
    const repository = await create();
    await repository.addIndex([await addPack(repository, hello)], { signal });
    const garbage = 'a'.repeat(64);
    await backend.write('index', garbage, Buffer.from('no index'));
    const damaged: string[] = [];
    const onDamaged = (name: string) => damaged.push(name);
    const index = await repository.index({ signal, onDamaged });
    expect([index.has(blobIdOf(hello), 'data'), index.files.length, damaged]).toEqual([true, 1, [garbage]]);
    await expect(repository.readBlob(blobIdOf(hello), 'data', { signal })).resolves.toEqual(hello);
    const refused = { code: 'corrupt', message: expect.stringContaining(garbage) };
    await expect(repository.readBlob(blobIdOf(Buffer.of()), 'data', { signal })).rejects.toMatchObject(
      refused,
    );
    await expect(repository.index({ signal })).rejects.toMatchObject({
      ...refused,
      hint: expect.stringContaining('holdfast vault repair index'),
    });
  });

  test('that a failing disk does not give is not to be written anew there', async () => {
    const repository = await create();
    await repository.addIndex([await addPack(repository, hello)], { signal });
    const read = backend.read.bind(backend);
    const failed = new SyncError('corrupt', 'The disk failed', { hint: 'Check the disk.' });
    backend.read = (type, name, options) =>
      type === 'index' ? Promise.reject(failed) : read(type, name, options);
    await expect(repository.index({ signal })).rejects.toMatchObject({ hint: 'Check the disk.' });
  });

  test('of many packs is cut into files below 8 MiB', async () => {
    const repository = await create();
    const packs = Array.from({ length: 5 }, (_, pack) => ({
      pack: blobIdOf(Buffer.from(`${pack}`)),
      blobs: Array.from({ length: 20_000 }, (_item, at) => {
        const id = blobIdOf(Buffer.from(`${pack} ${at}`));
        return { id, type: 'data', offset: at * 50, length: 50 } as const;
      }),
    }));
    const names = await repository.addIndex(packs, { signal, supersedes: [blobIdOf(hello)] });
    expect(names.length).toBeGreaterThan(1);
    expect((await repository.index({ signal })).blobCount).toBe(100_000);
  });
});

describe('snapshots', () => {
  test('come oldest first, and are found by the beginning of their id or as the latest of some', async () => {
    const repository = await create();
    const newest = await repository.addSnapshot(document('2026-03-01T00:00:00+02:00', 'a'), { signal });
    const oldest = await repository.addSnapshot(document('2026-02-01T00:00:00Z', 'b'), { signal });
    const middle = await repository.addSnapshot(document('2026-02-28T21:59:59Z', 'b'), { signal });
    const all = await repository.snapshots({ signal });
    expect(all.map(({ id }) => id)).toEqual([oldest, middle, newest]);
    const find = async (text: string, among?: (host: string) => boolean) => {
      const some = among && { among: ({ document: { hostname } }: (typeof all)[0]) => among(hostname) };
      return (await repository.findSnapshot(text, { signal, ...some })).id;
    };
    expect(await find('latest')).toBe(newest);
    expect(await find('latest', (host) => host === 'b')).toBe(middle);
    expect(await find(oldest.slice(0, 8))).toBe(oldest);
    await expect(find(oldest, (host) => host === 'a')).rejects.toMatchObject({ code: 'notFound' });
    await expect(find('latest', () => false)).rejects.toMatchObject({ code: 'notFound' });
    for (const text of ['', 'abc', '../x', 'LATEST']) {
      await expect(find(text)).rejects.toMatchObject({ code: 'badRequest' });
    }
    await expect(repository.snapshot('0'.repeat(64), { signal })).rejects.toMatchObject({ code: 'notFound' });
  });

  test('that begin alike are not told apart by that', async () => {
    const repository = await create();
    for (const end of ['1', '2'])
      backend.files.set(`snapshots/${'a'.repeat(63)}${end}`, { bytes: Buffer.alloc(0), receivedMs: 0 });
    await expect(repository.findSnapshot('aaaa', { signal })).rejects.toMatchObject({ code: 'badRequest' });
  });

  test('that do not verify are named, and the others listed when somebody takes the damage', async () => {
    const repository = await create();
    const good = await repository.addSnapshot(document('2026-03-01T00:00:00Z'), { signal });
    const bad = await repository.addSnapshot(document('2026-03-02T00:00:00Z'), { signal });
    const swapped = backend.files.get(`snapshots/${good}`);
    if (swapped) backend.files.set(`snapshots/${bad}`, swapped);
    const fresh = await open();
    await expect(fresh.snapshots({ signal })).rejects.toMatchObject({ code: 'corrupt' });
    const damaged: string[] = [];
    const found = await fresh.snapshots({ signal, onDamaged: (id) => damaged.push(id) });
    expect([found.map(({ id }) => id), damaged]).toEqual([[good], [bad]]);
  });
});
