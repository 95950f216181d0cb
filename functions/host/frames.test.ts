import { describe, expect, test } from '@jest/globals';
import { encodeFrame, FrameBatch, frameLimits, FrameReader, type Frame } from './frames.ts';

const read = (reader: FrameReader, ...chunks: Uint8Array[]): Frame[] =>
  chunks.flatMap((chunk) => [...reader.push(chunk)]);

describe('frames', () => {
  test('a frame cut into single bytes comes out whole', () => {
    const frame = encodeFrame({ type: 'x', text: 'ü€' }, new Uint8Array([1, 2, 3]));
    const bytes = [...frame].map((byte) => new Uint8Array([byte]));
    expect(read(new FrameReader(), ...bytes)).toEqual([
      {
        header: { type: 'x', text: 'ü€' },
        json: '{"type":"x","text":"ü€"}',
        body: new Uint8Array([1, 2, 3]),
      },
    ]);
  });

  test('a body that is text goes as UTF-8', () => {
    const [frame] = read(new FrameReader(), encodeFrame({}, 'ü€'));
    expect(Buffer.from(frame?.body ?? []).toString('utf8')).toBe('ü€');
  });

  test('several frames in one chunk come out in order, the rest waits', () => {
    const reader = new FrameReader();
    const both = Buffer.concat([encodeFrame(1), encodeFrame(2), encodeFrame(3).subarray(0, 5)]);
    expect(read(reader, both).map(({ header }) => header)).toEqual([1, 2]);
    expect(read(reader, encodeFrame(3).subarray(5)).map(({ header }) => header)).toEqual([3]);
  });

  test('a length over the bound is refused before its bytes arrive', () => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frameLimits.frameBytes + 1);
    expect(() => read(new FrameReader(), head)).toThrow('out of bounds');
  });

  test('a header longer than its frame is refused', () => {
    const frame = Buffer.from(encodeFrame({ a: 1 }));
    frame.writeUInt32BE(1000, 4);
    expect(() => read(new FrameReader(), frame)).toThrow('out of bounds');
  });

  test('a header that is not JSON is refused', () => {
    const frame = Buffer.from(encodeFrame({ a: 1 }));
    frame[8] = 0x28;
    expect(() => read(new FrameReader(), frame)).toThrow('not JSON');
  });

  test('a body over the bound is not encoded', () => {
    expect(() => encodeFrame({}, new Uint8Array(frameLimits.frameBytes))).toThrow('too large');
  });
});

describe('a batch of frames', () => {
  test('gives one behind another, and is empty after that', () => {
    const batch = new FrameBatch();
    for (let n = 0; n < 100; n++) {
      batch.add({ n }, 'ü'.repeat(n));
      batch.add({ n }, new Uint8Array([n]));
    }
    expect(batch.count).toBe(200);
    const frames = read(new FrameReader(), batch.take());
    expect(frames.map(({ header }) => (header as { n: number }).n)).toEqual(
      Array.from({ length: 200 }, (_, n) => n >> 1),
    );
    expect(Buffer.from(frames[198]?.body ?? []).toString('utf8')).toBe('ü'.repeat(99));
    expect([batch.count, batch.size, batch.take().byteLength]).toEqual([0, 0, 0]);
  });

  test('leaves what was taken as it is', () => {
    const batch = new FrameBatch();
    batch.add(1, 'first');
    const taken = batch.take();
    const copy = Buffer.from(taken);
    for (let n = 0; n < 2000; n++) batch.add(2, 'x'.repeat(100));
    expect(Buffer.compare(taken, copy)).toBe(0);
    expect(read(new FrameReader(), batch.take())).toHaveLength(2000);
  });

  test('goes on without a frame that is too large', () => {
    const batch = new FrameBatch();
    batch.add(1);
    expect(() => batch.add(2, '€'.repeat(frameLimits.frameBytes / 3))).toThrow('too large');
    expect(() => batch.add(2, new Uint8Array(3 * frameLimits.frameBytes))).toThrow('too large');
    expect(() => batch.add('x'.repeat(frameLimits.headerBytes))).toThrow('too large');
    batch.add(3);
    expect(read(new FrameReader(), batch.take()).map(({ header }) => header)).toEqual([1, 3]);
  });

  test('does not keep the memory of a large frame for small ones', () => {
    const batch = new FrameBatch();
    batch.add('x'.repeat(1000), new Uint8Array(2 ** 20));
    batch.take();
    batch.add(1);
    expect(batch.take().buffer.byteLength).toBeLessThanOrEqual(2 ** 16);
  });
});
