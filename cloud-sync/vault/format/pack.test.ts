import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { encodeBlob } from './blob-codec.ts';
import { blobIdOf } from './blob-id.ts';
import { createMasterKey } from './master-key.ts';
import { encodePackHeader, packHeaderBytes, readPackHeader } from './pack-header.ts';
import { PackWriter } from './pack-writer.ts';
import { Sealer } from './sealer.ts';

const sealer = new Sealer(createMasterKey());
const corrupt = expect.objectContaining({ code: 'corrupt' });

function samplePack(count: number, capacityBytes?: number) {
  const writer = new PackWriter(
    capacityBytes === undefined ? {} : { memory: Buffer.allocUnsafeSlow(capacityBytes) },
  );
  for (let at = 0; at < count; at += 1) {
    const plain = Buffer.from(`${at} `.repeat(at % 3 === 0 ? 1 : 200));
    writer.add({ type: 'data', id: blobIdOf(plain), ...encodeBlob(sealer, plain, 3) });
  }
  const predicted = writer.byteLength;
  return { predicted, ...writer.finish(sealer) };
}

test('a pack is named by its hash, is as long as was said, and its header lists what was put in', () => {
  for (const capacity of [undefined, 64]) {
    const { name, bytes, contents, predicted } = samplePack(50, capacity);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(name);
    expect(bytes.byteLength).toBe(predicted);
    expect(contents.pack).toBe(name);
    expect(contents.blobs.some(({ uncompressedLength }) => uncompressedLength === undefined)).toBe(true);
    expect(contents.blobs.some(({ uncompressedLength }) => uncompressedLength !== undefined)).toBe(true);
    expect(readPackHeader(sealer, bytes, bytes.byteLength)).toEqual(contents.blobs);
    const tail = bytes.subarray(-packHeaderBytes(bytes.subarray(-4), bytes.byteLength));
    expect(readPackHeader(sealer, tail, bytes.byteLength)).toEqual(contents.blobs);
  }
});

test('data and trees do not share a pack, and there is none without blobs', () => {
  const writer = new PackWriter();
  expect(() => writer.finish(sealer)).toThrow(RangeError);
  const id = blobIdOf(Buffer.alloc(0));
  writer.add({ type: 'data', id, sealed: sealer.seal(Buffer.alloc(0)) });
  expect(() => writer.add({ type: 'tree', id, sealed: sealer.seal(Buffer.alloc(0)) })).toThrow(RangeError);
});

describe('a header is refused', () => {
  const { bytes } = samplePack(4);

  test('when any bit of it flips', () => {
    const header = packHeaderBytes(bytes, bytes.byteLength);
    for (let bit = (bytes.byteLength - header) * 8; bit < bytes.byteLength * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => readPackHeader(sealer, flipped, flipped.byteLength)).toThrow(corrupt);
    }
  });

  test('when the pack has other bytes than it lists', () => {
    const longer = Buffer.concat([Buffer.alloc(1), bytes]);
    expect(() => readPackHeader(sealer, longer, longer.byteLength)).toThrow(corrupt);
    expect(() => readPackHeader(sealer, bytes.subarray(1), bytes.byteLength - 1)).toThrow(corrupt);
  });

  test('when the pack ends anywhere before its end', () => {
    for (let length = 0; length < bytes.byteLength; length += 1) {
      expect(() => readPackHeader(sealer, bytes.subarray(0, length), length)).toThrow(corrupt);
    }
  });

  test('when a sealed header is not one', () => {
    const end = (plain: Buffer) => {
      const sealed = sealer.seal(plain);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(sealed.byteLength);
      return Buffer.concat([sealed, length]);
    };
    const entry = encodePackHeader(sealer, [{ id: blobIdOf(bytes), type: 'data', length: 40 }]);
    const plain = sealer.open(entry.subarray(0, -4));
    const unknownType = Buffer.from(plain);
    unknownType[0] = 4;
    const tooShortBlob = Buffer.from(plain);
    tooShortBlob.writeUInt32LE(31, 1);
    const cutEntry = Buffer.concat([plain, plain.subarray(0, 20)]);
    const compressedCut = Buffer.from(plain);
    compressedCut[0] = 2;
    for (const header of [unknownType, tooShortBlob, cutEntry, compressedCut]) {
      const pack = Buffer.concat([Buffer.alloc(40), end(header)]);
      expect(() => readPackHeader(sealer, pack, pack.byteLength)).toThrow(corrupt);
    }
  });
});
