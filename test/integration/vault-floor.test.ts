import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '../../cloud-sync/vault/format/snapshot-document.ts';
import { SnapshotFloor } from '../../cloud-sync/vault/upkeep/floor.ts';
import { temporaryFolder } from '../support/cli.ts';
import { fillRepository } from '../support/fill-repository.ts';
import { createMemoryRepository } from '../support/memory-repository.ts';

const { signal } = new AbortController();

async function world() {
  const folder = await temporaryFolder();
  const { backend, repository } = await createMemoryRepository();
  let clockMs = 1_700_000_000_000;
  backend.now = () => (clockMs += 1_000);
  const file = join(folder.path, 'floor.json');
  const open = (id = repository.id) => SnapshotFloor.open(file, id);
  const listing = async () => ({
    snapshots: await repository.snapshots({ signal }),
    indexFiles: (await repository.index({ signal })).files,
  });
  const fill = (content: string, path = '/data', time = '2026-11-21T12:00:00Z') =>
    fillRepository(repository, { file: content }, { path, time });
  return { folder, backend, repository, file, open, listing, fill };
}

describe('SnapshotFloor', () => {
  it('takes what is added and what retention removes', async () => {
    const { folder, backend, open, listing, fill } = await world();
    await using _folder = folder;
    await (await open()).observe(await listing());
    const first = await fill('1');
    await (await open()).observe(await listing());
    await fill('2', '/data', '2026-11-21T12:00:01Z');
    await (await open()).observe(await listing());
    backend.files.delete(`snapshots/${first}`);
    await expect((await open()).observe(await listing())).resolves.toBeUndefined();
  });

  it('refuses an older state of the store, after a restart too, and names what is missing', async () => {
    const { folder, backend, open, listing, fill } = await world();
    await using _folder = folder;
    await fill('1');
    const older = backend.copy();
    const second = await fill('2');
    await (await open()).observe(await listing());
    backend.files.clear();
    for (const [key, file] of older.files) backend.files.set(key, file);
    await expect((await open()).observe(await listing())).rejects.toMatchObject({
      code: 'stale',
      message: expect.stringContaining(second),
    });
    const floor = await open();
    await floor.reset();
    await expect(floor.observe(await listing())).resolves.toBeUndefined();
  });

  it('refuses a store that has lost a whole volume, or its index', async () => {
    const { folder, backend, open, listing, fill } = await world();
    await using _folder = folder;
    const other = await fill('1', '/other');
    await fill('2');
    await (await open()).observe(await listing());
    const { snapshots } = await listing();
    await expect((await open()).observe({ snapshots, indexFiles: [] })).rejects.toMatchObject({
      code: 'stale',
    });
    backend.files.delete(`snapshots/${other}`);
    await expect((await open()).observe(await listing())).rejects.toThrow(other);
  });

  it('knows what we removed ourselves, and what a repair wrote anew', async () => {
    const { folder, backend, repository, open, listing, fill } = await world();
    await using _folder = folder;
    const other = await fill('1', '/other');
    const second = await fill('2');
    const floor = await open();
    await floor.observe(await listing());
    await floor.forget([other]);
    const { document } = await repository.snapshot(second, { signal });
    await repository.addSnapshot({ ...document, original: second }, { signal });
    for (const id of [other, second]) backend.files.delete(`snapshots/${id}`);
    await expect((await open()).observe(await listing())).resolves.toBeUndefined();
  });

  it('is not moved by a claim of a time to come', async () => {
    const { folder, open, listing, fill } = await world();
    await using _folder = folder;
    await fill('1');
    const [good] = (await listing()).snapshots;
    const wild = { ...good, document: { ...good?.document, time: '9999-01-01T00:00:00Z' } } as Snapshot;
    const { indexFiles } = await listing();
    await (
      await open()
    ).observe({ snapshots: [{ ...wild, id: 'e'.repeat(64), receivedMs: 1 }, good!], indexFiles });
    await expect((await open()).observe(await listing())).resolves.toBeUndefined();
  });

  it('is not blinded by a file that is no snapshot, and takes one that was damaged for one that is there', async () => {
    const { folder, backend, open, listing, fill } = await world();
    await using _folder = folder;
    const first = await fill('1');
    const other = await fill('1', '/other');
    await (await open()).observe(await listing());
    backend.files.delete(`snapshots/${first}`);
    const junk = 'e'.repeat(64);
    const without = await listing();
    await expect((await open()).observe({ ...without, damaged: [junk] })).rejects.toThrow(first);
    await expect((await open()).observe({ ...without, damaged: [first, junk] })).resolves.toBeUndefined();
    backend.files.delete(`snapshots/${other}`);
    await expect((await open()).observe({ ...(await listing()), damaged: [first] })).rejects.toThrow(other);
    await expect((await open()).observe({ ...without, damaged: [junk] })).rejects.toThrow(first);
  });

  it('is not moved by a store that says that what is new is old', async () => {
    const { folder, backend, open, listing, fill } = await world();
    await using _folder = folder;
    await fill('1');
    backend.now = () => 1_000_000;
    const second = await fill('2', '/data', '2026-11-21T13:00:00Z');
    await (await open()).observe(await listing());
    backend.files.delete(`snapshots/${second}`);
    await expect((await open()).observe(await listing())).rejects.toThrow(second);
  });

  it('remembers nothing of another repository, and refuses a broken file', async () => {
    const { folder, file, open, listing, fill } = await world();
    await using _folder = folder;
    await fill('1');
    await (await open()).observe(await listing());
    await expect(
      (await open('f'.repeat(64))).observe({ snapshots: [], indexFiles: [] }),
    ).resolves.toBeUndefined();
    await writeFile(file, '{"repository":');
    await expect(open()).rejects.toMatchObject({ code: 'badState' });
  });
});
