import { expect, test } from '@jest/globals';
import { isIrreducible, randomIrreduciblePolynomial } from './polynomial.ts';

test('of every degree there are as many irreducible polynomials as Gauss counted', () => {
  const counts = Array.from({ length: 10 }, (_, index) => {
    const first = 2 ** (index + 1);
    const ofDegree = Array.from({ length: first }, (_item, low) => BigInt(first + low));
    return ofDegree.filter(isIrreducible).length;
  });
  expect(counts).toEqual([2, 1, 2, 3, 6, 9, 18, 30, 56, 99]);
});

test('the polynomial in the design document of restic is irreducible, its neighbours by one term are not', () => {
  expect(isIrreducible(0x25b468838dcb75n)).toBe(true);
  expect(isIrreducible(0x25b468838dcb74n)).toBe(false);
  expect(isIrreducible(0n)).toBe(false);
  expect(isIrreducible(1n)).toBe(false);
});

test('a random one is irreducible, of degree 53, and another one each time', () => {
  const some = Array.from({ length: 5 }, () => randomIrreduciblePolynomial());
  for (const polynomial of some) {
    expect(polynomial >> 53n).toBe(1n);
    expect(isIrreducible(polynomial)).toBe(true);
  }
  expect(new Set(some).size).toBe(5);
});
