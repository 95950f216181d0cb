import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openFolderVaultStore } from '../../cloud-sync/control-plane/vault/folder-vault-store.ts';
import type { VaultPlace } from '../../cloud-sync/control-plane/vault/vault-place.ts';
import type { VaultStore } from '../../cloud-sync/control-plane/vault/vault-store.ts';
import { temporaryFolder } from '../support/cli.ts';

type Kept = AsyncDisposable & { readonly store: VaultStore };

const adapters = [{ name: 'a folder', open: openFolder }];

async function openFolder(): Promise<Kept & { readonly path: string }> {
  const { path, [Symbol.asyncDispose]: dispose } = await temporaryFolder();
  return { store: openFolderVaultStore(path), path, [Symbol.asyncDispose]: dispose };
}

const maxBytes = 2 ** 20;
const device = 'kiosk-1';
const placeOf = (bytes: Uint8Array, type: VaultPlace['type'] = 'data'): VaultPlace => ({
  ...{ device, type, name: type === 'config' ? '' : hash('sha256', bytes, 'hex') },
});

async function put(store: VaultStore, place: VaultPlace, ...chunks: Uint8Array[]): Promise<void> {
  await using writer = await store.createWriter(place, { maxBytes });
  for (const chunk of chunks) await writer.write(chunk);
  await writer.commit();
}

async function listed(store: VaultStore): Promise<VaultPlace[]> {
  const places: VaultPlace[] = [];
  for await (const place of store.list(device)) places.push(place);
  return places;
}

describe.each(adapters)('$name', ({ open }) => {
  let kept: Kept;
  beforeEach(async () => {
    kept = await open();
    await kept.store.open(device);
  });
  afterEach(() => kept[Symbol.asyncDispose]() as Promise<void>);

  test.each(['config', 'keys', 'data', 'index', 'snapshots', 'locks'] as const)(
    'keeps a file of %s under its name, whole and in parts',
    async (type) => {
      const { store } = kept;
      const [head, tail] = [randomBytes(70_000), randomBytes(30_000)];
      const bytes = Buffer.concat([head, tail]);
      const place = placeOf(bytes, type);
      const before = Date.now();
      await put(store, place, head, tail);
      const stat = await store.stat(place);
      expect(stat?.bytes).toBe(100_000);
      expect(Math.abs((stat?.storedMs ?? 0) - before)).toBeLessThan(60_000);
      expect((await buffer(store.read(place))).equals(bytes)).toBe(true);
      const part = await buffer(store.read(place, { start: 69_999, end: 70_000 }));
      expect(part).toEqual(bytes.subarray(69_999, 70_001));
      await expect(listed(store)).resolves.toEqual([place]);
    },
  );

  test('gives no name to bytes that do not make it', async () => {
    const { store } = kept;
    const place = placeOf(Buffer.from('these'));
    await expect(put(store, place, Buffer.from('others'))).rejects.toMatchObject({ code: 'digestMismatch' });
    await expect(store.stat(place)).resolves.toBeUndefined();
    await expect(listed(store)).resolves.toEqual([]);
  });

  test('takes no byte more than it may, and keeps nothing then', async () => {
    const { store } = kept;
    const place = placeOf(Buffer.alloc(maxBytes + 1));
    await expect(put(store, place, Buffer.alloc(maxBytes), Buffer.alloc(1))).rejects.toMatchObject({
      code: 'tooLarge',
    });
    await expect(listed(store)).resolves.toEqual([]);
  });

  test('keeps nothing of a file that is not committed', async () => {
    const { store } = kept;
    const bytes = Buffer.from('half');
    await using writer = await store.createWriter(placeOf(bytes), { maxBytes });
    await writer.write(bytes);
    await writer[Symbol.asyncDispose]();
    await expect(store.stat(placeOf(bytes))).resolves.toBeUndefined();
    await expect(listed(store)).resolves.toEqual([]);
  });

  test('never overwrites, the config neither', async () => {
    const { store } = kept;
    for (const type of ['config', 'snapshots'] as const) {
      const place = placeOf(Buffer.from('first'), type);
      await put(store, place, Buffer.from('first'));
      const again = put(store, place, Buffer.from(type === 'config' ? 'other' : 'first'));
      await expect(again).rejects.toMatchObject({ code: 'conflict' });
      expect((await buffer(store.read(place))).toString()).toBe('first');
    }
  });

  test('removes a file, and one that is not there without an error', async () => {
    const { store } = kept;
    const place = placeOf(Buffer.from('x'), 'locks');
    await put(store, place, Buffer.from('x'));
    await store.remove(place);
    await store.remove(place);
    await expect(store.stat(place)).resolves.toBeUndefined();
    await expect(listed(store)).resolves.toEqual([]);
  });

  test('keeps devices apart', async () => {
    const { store } = kept;
    const bytes = Buffer.from('mine');
    await put(store, placeOf(bytes), bytes);
    await expect(store.stat({ ...placeOf(bytes), device: 'kiosk-2' })).resolves.toBeUndefined();
    const others: VaultPlace[] = [];
    for await (const place of store.list('kiosk-2')) others.push(place);
    expect(others).toEqual([]);
  });
});

test('a folder tidies up what interrupted writes left and passes over what is not of a repository', async () => {
  await using kept = await openFolder();
  const { store, path } = kept;
  const bytes = Buffer.from('x');
  await put(store, placeOf(bytes), bytes);
  const partials = join(path, device, '.partial');
  await writeFile(join(partials, 'left.tmp'), 'half');
  await mkdir(join(path, device, 'data', 'zz'));
  const shard = join(path, device, 'data', placeOf(bytes).name.slice(0, 2));
  await writeFile(join(shard, 'notes.txt'), 'x');
  await writeFile(join(shard, '00'.repeat(32)), 'in the folder of another');
  await store.open(device);
  await expect(readdir(partials)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(listed(store)).resolves.toEqual([placeOf(bytes)]);
});
