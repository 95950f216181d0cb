import { describe, expect, test } from '@jest/globals';
import { releaseMemory } from './release-memory.ts';

describe('releasing the memory of a buffer', () => {
  test('empties a large one of its own', () => {
    const bytes = Buffer.allocUnsafeSlow(1_000_000);
    releaseMemory(bytes);
    expect(bytes.byteLength).toBe(0);
  });

  test('leaves one that shares its memory, and a small one', () => {
    const whole = Buffer.allocUnsafeSlow(1_000_000);
    releaseMemory(whole.subarray(0, 500_000));
    const small = Buffer.alloc(100);
    releaseMemory(small);
    expect([whole.byteLength, small.byteLength]).toEqual([1_000_000, 100]);
  });
});
