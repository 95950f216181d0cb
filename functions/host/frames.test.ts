import { describe, expect, test } from '@jest/globals';
import { encodeFrame, frameLimits, FrameReader, type Frame } from './frames.ts';

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
