import { randomBytes } from 'node:crypto';

/** Polynomials over GF(2), bit n standing for x^n. */
const degree = 53;

/** What restic's chunker of a new repository is set by: random, irreducible, of degree 53; restic refuses others. Ours does not use it. */
export function randomIrreduciblePolynomial(): bigint {
  for (;;) {
    const random = BigInt(`0x${randomBytes(8).toString('hex')}`) & ((1n << BigInt(degree)) - 1n);
    const candidate = random | (1n << BigInt(degree)) | 1n;
    if (isIrreducible(candidate)) return candidate;
  }
}

/** Ben-Or's test: irreducible when it shares no factor with x^(2^i) - x for any i up to half its degree. */
export function isIrreducible(polynomial: bigint): boolean {
  const half = Math.floor(degreeOf(polynomial) / 2);
  let power = 2n;
  for (let i = 1; i <= half; i += 1) {
    power = remainder(square(power), polynomial);
    if (greatestCommonDivisor(polynomial, power ^ 2n) !== 1n) return false;
  }
  return half >= 1 || degreeOf(polynomial) === 1;
}

function degreeOf(polynomial: bigint): number {
  return polynomial.toString(2).length - 1;
}

/** Over GF(2) squaring only spreads the bits. */
function square(polynomial: bigint): bigint {
  return BigInt(`0b${polynomial.toString(2).split('').join('0')}`);
}

function remainder(dividend: bigint, divisor: bigint): bigint {
  let rest = dividend;
  const divisorDegree = degreeOf(divisor);
  for (let shift = degreeOf(rest) - divisorDegree; rest !== 0n && shift >= 0;) {
    rest ^= divisor << BigInt(shift);
    shift = degreeOf(rest) - divisorDegree;
  }
  return rest;
}

function greatestCommonDivisor(one: bigint, other: bigint): bigint {
  let [larger, smaller] = [one, other];
  while (smaller !== 0n) [larger, smaller] = [smaller, remainder(larger, smaller)];
  return larger;
}
