import { createCipheriv, randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { openNativeCtr } from './native-ctr.ts';

const native = openNativeCtr();

test('what runs these tests shows its OpenSSL', () => {
  expect(native).toBeDefined();
});

test('AES-256-CTR by foreign calls is that of node:crypto, for any length, key and place', () => {
  const memory = Buffer.alloc(3_000_100);
  for (const length of [1, 15, 16, 17, 4096, 100_003, 3_000_000]) {
    const [key, iv, plain] = [randomBytes(32), randomBytes(16), randomBytes(length)];
    const target = memory.subarray(7, 7 + length);
    memory.fill(0xa5);
    native?.encrypt({ key, iv, plain, target });
    expect(target.equals(createCipheriv('aes-256-ctr', key, iv).update(plain))).toBe(true);
    expect([...memory.subarray(0, 7), ...memory.subarray(7 + length)].every((byte) => byte === 0xa5)).toBe(
      true,
    );
  }
});
