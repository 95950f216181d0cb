import type { Algorithm } from './algorithms.ts';
import { bytesOf, recordOf, type Args } from './read-args.ts';
import { WorkError } from './work-error.ts';

/** Of PBKDF2: every block as long as the digest costs all iterations again. */
const maxPasswordBits = 4096;
const hashBits: Readonly<Record<string, number>> = {
  'SHA-1': 160,
  'SHA-256': 256,
  'SHA-384': 384,
  'SHA-512': 512,
};
/** Milliseconds for a modulus of 4096 bits, the largest. How long the search for primes takes is luck: a slow one. */
const rsaMs = { generate: 800, private: 24, public: 1 } as const;
const maxModulus = 4096;
/** Of a whole private key in PKCS #8, which repeats its modulus so often: the number, its exponent, and five halves. */
export const bitsOfModulusBit = 4.5;

/**
 * CPU time the work will take on a small computer, in milliseconds: it is done by threads of the process, whose time cannot be told
 * apart, and is charged to the invocation before it begins. Throws WorkError for what would take too long.
 */
export function costMs(method: string, algorithm: Algorithm | undefined, args: Args, size: number): number {
  const data = size / 100_000;
  if (algorithm?.name === 'PBKDF2') return data + passwordMs(method, algorithm, args);
  if (algorithm?.name.startsWith('RSA')) return data + rsaCostMs(method, algorithm, args);
  return data + 0.2;
}

function passwordMs(method: string, algorithm: Algorithm, args: Args): number {
  if (method !== 'deriveBits' && method !== 'deriveKey') return 0.2;
  const bits = Number(args.length);
  if (!(bits >= 0 && bits <= maxPasswordBits))
    throw new WorkError('OperationError', `${bits} bits cannot be derived; the limit is ${maxPasswordBits}`);
  const { name: hash = '' } = (algorithm.hash ?? {}) as { name?: string };
  const blocks = Math.max(1, Math.ceil(bits / (hashBits[hash] ?? 160)));
  return 0.2 + (blocks * Number(algorithm.iterations ?? 0)) / 1500;
}

/** Public exponents are small (`keys.ts`); with the modulus the rest grows as its cube. */
function rsaCostMs(method: string, algorithm: Algorithm, args: Args): number {
  if (method === 'generateKey')
    return 10 + rsaMs.generate * cube(Number(algorithm.modulusLength ?? maxModulus));
  if (method !== 'sign' && method !== 'decrypt' && method !== 'unwrapKey') return 0.2 + rsaMs.public;
  // By the key itself, not by what is said of it.
  return (
    0.2 + rsaMs.private * cube((bytesOf(recordOf(args, 'key'), 'material').byteLength * 8) / bitsOfModulusBit)
  );
}

function cube(bits: number): number {
  return (Math.min(bits, maxModulus) / maxModulus) ** 3;
}
