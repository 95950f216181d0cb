import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { watch } from 'node:fs';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { openFolderBackend } from '../../cloud-sync/vault/backend/folder-backend.ts';
import { writeDirect } from '../../cloud-sync/vault/backend/write-direct.ts';
import { directMemoryBytes, openDirectMemory } from '../../cloud-sync/vault/direct-memory.ts';
import { storedName } from '../../cloud-sync/vault/format/stored-name.ts';
import { directBlockBytes } from '../../lib/direct-access.ts';
import { temporaryFolder } from '../support/cli.ts';

const { signal } = new AbortController();
const bytes = Buffer.from('some bytes');
const name = storedName(bytes);

test('a folder holds files as restic lays them out, for its owner only', async () => {
  await using temporary = await temporaryFolder();
  const root = join(temporary.path, 'new', 'repository');
  const backend = openFolderBackend(root);
  expect(await backend.list('data', { signal })).toEqual([]);
  await backend.create({ signal });
  await backend.write('data', name, bytes, { signal });
  await backend.write('config', '', bytes, { signal });
  expect((await readdir(root)).sort()).toEqual(['config', 'data', 'index', 'keys', 'locks', 'snapshots']);
  const path = join(root, 'data', name.slice(0, 2), name);
  expect(await readFile(path)).toEqual(bytes);
  expect([(await stat(path)).mode & 0o777, (await stat(root)).mode & 0o777]).toEqual([0o600, 0o700]);
  const { mtimeMs } = await stat(path);
  const listed = await backend.list('data', { signal });
  expect(listed).toEqual([{ name, bytes: bytes.byteLength, receivedMs: Math.floor(mtimeMs) }]);
});

test('what is no file of a repository is not listed', async () => {
  await using temporary = await temporaryFolder();
  const backend = openFolderBackend(temporary.path);
  await backend.write('data', name, bytes, { signal });
  await mkdir(join(temporary.path, 'data', 'ff'));
  await mkdir(join(temporary.path, 'index', 'f'.repeat(64)), { recursive: true });
  const strangers = [
    `data/ff/${name}`,
    `data/${name}`,
    'data/ff/README',
    `data/${name.slice(0, 2)}/${name}.tmp`,
  ];
  for (const stranger of [...strangers, 'index/.DS_Store', `index/${name.toUpperCase()}`]) {
    await writeFile(join(temporary.path, stranger), bytes);
  }
  await symlink('nowhere', join(temporary.path, 'index', '0'.repeat(64)));
  expect((await backend.list('data', { signal })).map((file) => file.name)).toEqual([name]);
  expect(await backend.list('index', { signal })).toEqual([]);
});

test('a write that ends early leaves nothing, and what a crash left goes after a day', async () => {
  await using temporary = await temporaryFolder();
  const folder = join(temporary.path, 'data', name.slice(0, 2));
  await mkdir(folder, { recursive: true });
  const [old, young] = [join(folder, `${name}.0123456789ab.tmp`), join(folder, `${name}.ba9876543210.tmp`)];
  await writeFile(old, 'half');
  await writeFile(young, 'half');
  const before = new Date(Date.now() - 25 * 60 * 60 * 1000);
  await utimes(old, before, before);
  const backend = openFolderBackend(temporary.path);
  const controller = new AbortController();
  const aborted = backend.write('data', name, Buffer.alloc(30_000_000), { signal: controller.signal });
  setImmediate(() => controller.abort(new Error('enough')));
  await expect(aborted).rejects.toThrow('enough');
  expect(await readdir(folder)).not.toContain(name);
  await backend.write('data', name, bytes, { signal });
  expect((await readdir(folder)).sort()).toEqual([name, `${name}.ba9876543210.tmp`]);
});

test('while a file is written, no other name begins with its own: restic would find two of one id', async () => {
  await using temporary = await temporaryFolder();
  const backend = openFolderBackend(temporary.path);
  await backend.create({ signal });
  const seen = new Set<string | null>();
  await using stack = new AsyncDisposableStack();
  const watcher = watch(join(temporary.path, 'snapshots'), (_, file) => seen.add(file));
  stack.defer(() => watcher.close());
  await backend.write('snapshots', name, bytes, { signal });
  while (!seen.has(name)) await once(watcher, 'change', { signal: AbortSignal.timeout(10_000) });
  const others = [...seen].filter((file) => file !== name);
  expect(others).toHaveLength(1);
  expect(others[0]).not.toMatch(new RegExp(`^${name}`));
});

test('of two that write one name at once one is told of the conflict, and the bytes stay whole', async () => {
  await using temporary = await temporaryFolder();
  const backend = openFolderBackend(temporary.path);
  const writes = Array.from({ length: 6 }, () => backend.write('config', '', bytes, { signal }));
  const outcomes = await Promise.allSettled(writes);
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'conflict' });
  }
  expect(await backend.read('config', '', { signal })).toEqual(bytes);
  expect(await readdir(temporary.path)).toEqual(['config']);
});

test('a large file is whole wherever its bytes began in memory, and whatever its length', async () => {
  await using temporary = await temporaryFolder();
  const backend = openFolderBackend(temporary.path);
  const memory = openDirectMemory()(3_000_000);
  randomFillSync(memory);
  for (const [from, to] of [
    [0, 3_000_000],
    [0, 2_097_152],
    [7, 2_500_000],
  ]) {
    const large = memory.subarray(from, to);
    const largeName = storedName(large);
    await backend.write('data', largeName, large, { signal });
    const read = await readFile(join(temporary.path, 'data', largeName.slice(0, 2), largeName));
    expect(read.equals(large)).toBe(true);
  }
});

test('what the disk took of a file are its first bytes, as many as it says', async () => {
  await using temporary = await temporaryFolder();
  const path = join(temporary.path, 'file');
  const memory = openDirectMemory()(2_000_000);
  randomFillSync(memory);
  // How many is for the file system to say: one in memory takes whole blocks from anywhere, one without O_DIRECT none.
  for (const bytes of [memory, memory.subarray(7), memory.subarray(0, 100_000)]) {
    await writeFile(path, '');
    const taken = await writeDirect(path, bytes);
    expect((await readFile(path)).equals(bytes.subarray(0, taken))).toBe(true);
    expect(taken % directBlockBytes).toBe(0);
  }
  expect(await writeDirect(path, memory.subarray(0, 100_000))).toBe(0);
});

test('memory for the disk begins where it did when it is used again', () => {
  const direct = openDirectMemory();
  const first = direct(1_000_000);
  const { byteOffset } = first;
  const again = direct(1_000_000, structuredClone(first.buffer, { transfer: [first.buffer] }));
  expect([again.byteOffset, again.byteLength]).toEqual([byteOffset, 1_000_000]);
  expect(again.buffer.byteLength).toBe(directMemoryBytes(1_000_000));
});

test('reads are bounded, and a file that is too short is damaged', async () => {
  await using temporary = await temporaryFolder();
  const backend = openFolderBackend(temporary.path);
  await backend.write('data', name, bytes, { signal });
  const read = (options: object) => backend.read('data', name, { signal, ...options });
  expect(await read({ range: { offset: 5, length: 5 } })).toEqual(Buffer.from('bytes'));
  expect(await read({ range: { offset: 10, length: 0 } })).toEqual(Buffer.alloc(0));
  await expect(read({ range: { offset: 5, length: 6 } })).rejects.toMatchObject({ code: 'corrupt' });
  await expect(read({ maxBytes: 9 })).rejects.toMatchObject({ code: 'tooLarge' });
  await expect(backend.read('keys', name, { signal })).rejects.toMatchObject({ code: 'notFound' });
});

test('a name that is none of a repository reaches no file', async () => {
  await using temporary = await temporaryFolder();
  await writeFile(join(temporary.path, 'outside'), bytes);
  const backend = openFolderBackend(join(temporary.path, 'repository'));
  for (const bad of ['../outside', '../../outside', '', '.', name.toUpperCase(), `${name}/`, `${name}\0`]) {
    await expect(backend.read('keys', bad, { signal })).rejects.toMatchObject({ code: 'badRequest' });
    await expect(backend.write('data', bad, bytes, { signal })).rejects.toMatchObject({ code: 'badRequest' });
    await expect(backend.remove('locks', bad, { signal })).rejects.toMatchObject({ code: 'badRequest' });
  }
  await expect(backend.read('config', name, { signal })).rejects.toMatchObject({ code: 'badRequest' });
});
