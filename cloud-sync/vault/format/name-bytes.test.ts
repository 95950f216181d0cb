import { expect, test } from '@jest/globals';
import { seededRandom } from '../../../test/support/random.ts';
import { bytesOfName, compareNames, nameOfBytes } from './name-bytes.ts';

test('bytes that are no UTF-8 stand in a name as lone surrogates, others as their characters', () => {
  expect(nameOfBytes(Buffer.from('naïve 😀'))).toBe('naïve 😀');
  expect(nameOfBytes(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3]))).toBe('a\udcffé\udcc3');
  // An encoded surrogate and an overlong slash are no UTF-8.
  expect(nameOfBytes(Buffer.from([0xed, 0xa0, 0x80, 0xc0, 0xaf]))).toBe('\udced\udca0\udc80\udcc0\udcaf');
});

test('a surrogate that stands for no byte has no bytes', () => {
  for (const name of ['\ud800', 'a\udc7f', '\udd00']) {
    expect(() => bytesOfName(name)).toThrow(expect.objectContaining({ code: 'badRequest' }));
  }
});

test('names are ordered as their bytes, where the text is not', () => {
  const random = seededRandom(3);
  const bytes = Array.from({ length: 400 }, () =>
    Buffer.concat(
      Array.from({ length: 1 + random() * 4 }, () =>
        random() < 0.5
          ? Buffer.of(random() * 256)
          : Buffer.from(['a', 'é', '\ue000', '😀'][Math.floor(random() * 4)] ?? ''),
      ),
    ),
  );
  const byName = bytes.map(nameOfBytes).sort(compareNames).map(bytesOfName);
  expect(byName).toEqual(bytes.toSorted((one, other) => Buffer.compare(one, other)));
});
