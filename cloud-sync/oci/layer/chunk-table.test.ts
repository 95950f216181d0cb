import { describe, expect, test } from '@jest/globals';
import { zstdDecompressSync } from 'node:zlib';
import { digestOf } from '../../../lib/digest.ts';
import {
  chunkHash,
  chunkTableAnnotations,
  chunkTablePlace,
  encodeChunkTable,
  parseChunkTable,
} from './chunk-table.ts';

const chunks = [
  { frameBytes: 100, plainBytes: 400, hash: chunkHash(Buffer.from('one')) },
  { frameBytes: 50, plainBytes: 50, hash: chunkHash(Buffer.from('two')) },
];
const table = encodeChunkTable(chunks);

function changed(at: number, value: number): Buffer {
  const copy = Buffer.from(table);
  copy.writeUInt32LE(value, at);
  return copy;
}

describe('a chunk table', () => {
  test('comes back as it was written, each chunk behind the one before', () => {
    expect(parseChunkTable(table, 150)).toEqual([
      { ...chunks[0], offset: 0 },
      { ...chunks[1], offset: 100 },
    ]);
    expect(parseChunkTable(encodeChunkTable([]), 0)).toEqual([]);
  });

  test('is nothing to a zstd decoder', () => {
    expect(zstdDecompressSync(table).byteLength).toBe(0);
  });

  test('is refused when its chunks are not what lies before it', () => {
    expect(() => parseChunkTable(table, 151)).toThrow(/150 bytes, but 151/);
  });

  test.each([
    ['another frame', changed(0, 0x184d2a50)],
    ['a length that is not its own', changed(4, 1)],
    ['a count of more chunks', changed(56, 3)],
    ['a count beyond all bounds', changed(56, 0xffffffff)],
    ['another version', changed(60, 2)],
    ['a cut end', table.subarray(0, -1)],
    ['nothing', Buffer.alloc(0)],
  ])('is refused with %s', (_what, bytes) => {
    expect(() => parseChunkTable(bytes, 150)).toThrow(/is none of this version/);
  });

  test.each([
    [0, 10],
    [2 ** 21, 10],
    [10, 2 ** 21],
  ])('is refused with a chunk of %d bytes for %d', (frameBytes, plainBytes) => {
    const odd = encodeChunkTable([{ frameBytes, plainBytes, hash: chunkHash(Buffer.from('x')) }]);
    expect(() => parseChunkTable(odd, frameBytes)).toThrow(/has a chunk of/);
  });

  test('is found by the annotations of its layer, where they fit the blob', () => {
    const place = { offset: 150, size: table.byteLength, digest: digestOf(table) };
    const layer = {
      mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      digest: digestOf('layer'),
      size: 150 + table.byteLength,
      annotations: chunkTableAnnotations(place),
    };
    expect(chunkTablePlace(layer)).toEqual(place);
    expect(chunkTablePlace({ ...layer, size: layer.size + 1 })).toBeUndefined();
    expect(chunkTablePlace({ ...layer, annotations: {} })).toBeUndefined();
    const digest = { ...layer.annotations, 'dev.holdfast.chunks.digest': 'sha512:…' };
    expect(chunkTablePlace({ ...layer, annotations: digest })).toBeUndefined();
  });
});
