import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, test } from '@jest/globals';
import { openPoly1305, sodiumBinary } from './poly1305.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

/** RFC 8439, section 2.5.2. */
const key = hex('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b');
const message = Buffer.from('Cryptographic Forum Research Group');
const tag = hex('a8061dc1305136c6c22b8baf0c0127a9');

const ways = [
  { way: 'from its binary', poly1305: openPoly1305() },
  { way: 'where that is not where it should be', poly1305: openPoly1305('sodium-native/nowhere.node') },
];

for (const { way, poly1305 } of ways) {
  describe(`Poly1305 ${way}`, () => {
    test('makes the tag of the specification', () => {
      const made = Buffer.alloc(16);
      poly1305.authenticate(made, message, key);
      expect(made).toEqual(tag);
    });

    test('accepts that tag, and none with a bit flipped', () => {
      expect(poly1305.verify(tag, message, key)).toBe(true);
      for (let bit = 0; bit < 128; bit += 1) {
        const flipped = Buffer.from(tag);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(poly1305.verify(flipped, message, key)).toBe(false);
      }
    });

    test('takes messages of no bytes', () => {
      const made = Buffer.alloc(16);
      poly1305.authenticate(made, Buffer.alloc(0), key);
      expect(made).toEqual(key.subarray(16));
    });
  });
}

test('the binary is where it is looked for first', () => {
  expect(existsSync(createRequire(import.meta.url).resolve(sodiumBinary))).toBe(true);
});
