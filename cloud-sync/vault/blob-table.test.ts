import { expect, test } from '@jest/globals';
import { seededRandom } from '../../test/support/random.ts';
import { BlobTable } from './blob-table.ts';
import { blobIdOf, type BlobId } from './format/blob-id.ts';
import type { PackContents, PackedBlob } from './repository.ts';

const idOf = (text: string): BlobId => blobIdOf(Buffer.from(text));

/** Packs of random sizes over few enough ids that many lie in several packs. */
function randomPacks(packs: number, ids: number): PackContents[] {
  const random = seededRandom(9);
  return Array.from({ length: packs }, (_, number) => {
    let offset = 0;
    const blobs = Array.from({ length: 1 + random() * 40 }, (): PackedBlob => {
      const type = number % 3 === 0 ? 'tree' : 'data';
      const length = 32 + Math.floor(random() * 1000);
      const compressed = random() < 0.5 ? { uncompressedLength: Math.floor(random() * 5000) } : {};
      const blob = {
        id: idOf(`${Math.floor(random() * ids)}`),
        type,
        offset,
        length,
        ...compressed,
      } as const;
      offset += length;
      return blob;
    });
    return { pack: idOf(`pack ${number}`), blobs };
  });
}

test('every blob is found wherever it lies, as a plain list would have it', () => {
  const packs = randomPacks(200, 500);
  const table = new BlobTable();
  for (const pack of packs) table.add(pack);
  const listed = packs.flatMap(({ pack, blobs }) => blobs.map((blob) => ({ pack, ...blob })));
  expect(table.count).toBe(listed.length);
  for (let number = 0; number < 500; number += 1) {
    const id = idOf(`${number}`);
    for (const type of ['data', 'tree'] as const) {
      const expected = listed
        .filter((blob) => blob.id === id && blob.type === type)
        .map(({ id: _id, type: _type, ...location }) => location);
      const found = table.locations(id, type);
      expect(found).toHaveLength(expected.length);
      expect(found).toEqual(expect.arrayContaining(expected));
      expect(table.has(id, type)).toBe(expected.length > 0);
      expect(table.find(id, type)).toEqual(found[0]);
    }
  }
  expect(table.has(idOf('none'), 'data')).toBe(false);
});

test('the packs come out as they went in', () => {
  const packs = randomPacks(100, 1000);
  const table = new BlobTable();
  for (const pack of packs) table.add({ ...pack, blobs: pack.blobs.toReversed() });
  expect([...table.packs()]).toEqual(packs);
});

test('a pack that is named twice is there once, with what either says of it', () => {
  const [whole] = randomPacks(1, 1000);
  if (whole === undefined) throw new Error('there is a pack');
  const table = new BlobTable();
  table.add({ ...whole, blobs: whole.blobs.slice(0, 3) });
  table.add(whole);
  table.add(whole);
  expect(table.count).toBe(whole.blobs.length);
  expect([...table.packs()]).toEqual([whole]);
});

test('a copy grows without the first one', () => {
  const [one, other] = randomPacks(2, 1000);
  if (one === undefined || other === undefined) throw new Error('there are two packs');
  const table = new BlobTable();
  table.add(one);
  const copy = table.copy();
  copy.add(other);
  expect([...table.packs()]).toEqual([one]);
  expect([...copy.packs()]).toEqual([one, other]);
});

test('a blob that an index names a hundred thousand times, and ids that begin alike, cost no more than others', () => {
  const same = idOf('same');
  const alike = Array.from(
    { length: 100_000 },
    (_, at) => `${'0'.repeat(8)}${at.toString(16).padStart(56, '0')}` as BlobId,
  );
  const table = new BlobTable();
  const blob = (id: BlobId, at: number) => ({ id, type: 'data', offset: at * 32, length: 32 }) as const;
  table.add({ pack: idOf('a pack'), blobs: alike.map((_, at) => blob(same, at)) });
  table.add({ pack: idOf('another'), blobs: alike.map((id, at) => blob(id, at)) });
  expect(table.count).toBe(200_000);
  expect(table.locations(same, 'data')).toHaveLength(100_000);
  expect(alike.every((id) => table.has(id, 'data'))).toBe(true);
});

test('a table of more packs than a call takes arguments can be copied', () => {
  const table = new BlobTable();
  const blob = { id: idOf('blob'), type: 'data', offset: 0, length: 99 } as const;
  for (let number = 0; number < 200_000; number += 1) table.add({ pack: `${number}`, blobs: [] });
  table.add({ pack: 'last', blobs: [blob] });
  expect(table.copy().find(blob.id, 'data')).toEqual({ pack: 'last', offset: 0, length: 99 });
});

test('threads find what a table had when it was shared, by the bytes of ids and by type', () => {
  const packs = randomPacks(50, 100);
  const table = new BlobTable();
  for (const pack of packs) table.add(pack);
  const shared = BlobTable.ofShared(table.shared());
  table.add({ pack: idOf('later'), blobs: [{ id: idOf('late'), type: 'data', offset: 0, length: 40 }] });
  for (const { id } of packs.flatMap(({ blobs }) => blobs)) {
    const bytes = Buffer.from(id, 'hex');
    for (const type of ['data', 'tree'] as const)
      expect(shared.hasBytes(bytes, type)).toBe(table.has(id, type));
  }
  for (const text of ['late', 'none'])
    expect(shared.hasBytes(Buffer.from(idOf(text), 'hex'), 'data')).toBe(false);
});

test('the end of each pack is known', () => {
  const packs = randomPacks(50, 100);
  const table = new BlobTable();
  for (const pack of packs) table.add(pack);
  for (const { pack, blobs } of packs) {
    const last = blobs.at(-1)!;
    expect(table.endOf(pack)).toBe(last.offset + last.length);
  }
  expect(table.endOf(idOf('none'))).toBe(0);
});

test('a blob that a pack lists twice is there once, in whatever order', () => {
  const blob = { id: idOf('a'), type: 'data', offset: 0, length: 40 } as const;
  const table = new BlobTable();
  table.add({ pack: idOf('pack'), blobs: [blob, { ...blob, id: idOf('b'), offset: 40 }, blob] });
  expect(table.count).toBe(2);
});
