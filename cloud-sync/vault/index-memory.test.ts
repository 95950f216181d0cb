import { createHash, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../../test/support/cli.ts';
import { FileBlobIndex, GrowingIndex } from './blob-index.ts';
import type { BlobId } from './format/blob-id.ts';
import { createMasterKey } from './format/master-key.ts';
import { readIndexMemory, writeIndexMemory } from './index-memory.ts';
import type { PackContents } from './repository.ts';

const key = createMasterKey();
const idOf = (text: string) => createHash('sha256').update(text).digest('hex') as BlobId;

function pack(name: string, count: number): PackContents {
  const blobs = Array.from({ length: count }, (_, at) => ({
    id: idOf(`${name} ${at}`),
    type: at % 3 === 0 ? ('tree' as const) : ('data' as const),
    ...{ offset: at * 100, length: 100, ...(at % 2 === 0 && { uncompressedLength: randomInt(1, 1e6) }) },
  }));
  return { pack: idOf(name), blobs };
}

function indexOf(...packs: PackContents[]): FileBlobIndex {
  const growing = new GrowingIndex(FileBlobIndex.empty);
  for (const [at, each] of packs.entries()) growing.add(`file ${at}`, [each]);
  return growing.index;
}

test('an index is remembered, and can be added to', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'index');
  const packs = [pack('a', 40), pack('b', 1), pack('c', 500)];
  await writeIndexMemory(path, key, indexOf(...packs));
  const read = (await readIndexMemory(path, key))!;
  expect(read.files).toEqual(['file 0', 'file 1', 'file 2']);
  expect([...read.packs()]).toEqual(packs);
  const growing = new GrowingIndex(read);
  growing.add('more', [pack('d', 300), pack('a', 40)]);
  expect([...growing.index.packs()].map(({ blobs }) => blobs.map(({ id }) => id))).toEqual(
    [...packs, pack('d', 300)].map(({ blobs }) => blobs.map(({ id }) => id)),
  );
  expect(growing.blobCount).toBe(841);
  expect(read.blobCount).toBe(541);
  for (const { id, type } of packs[2]!.blobs) expect(growing.index.find(id, type)?.pack).toBe(packs[2]!.pack);
});

test('nothing is believed of another key, or that somebody changed', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'index');
  expect(await readIndexMemory(path, key)).toBeUndefined();
  await writeIndexMemory(path, key, indexOf(pack('a', 10)));
  expect(await readIndexMemory(path, createMasterKey())).toBeUndefined();
  const bytes = readFileSync(path);
  for (const at of [0, 35, 60, bytes.length - 1]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    writeFileSync(path, changed);
    expect(await readIndexMemory(path, key)).toBeUndefined();
  }
  for (const length of [0, 10, bytes.length - 1]) {
    writeFileSync(path, bytes.subarray(0, length));
    expect(await readIndexMemory(path, key)).toBeUndefined();
  }
});
