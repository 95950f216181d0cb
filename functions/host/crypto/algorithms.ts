import { recordOf, type Args } from './read-args.ts';
import { WorkError } from './work-error.ts';

export type Algorithm = { readonly name: string } & Args;

const digests = ['SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];
const others = [
  'AES-CBC',
  'AES-CTR',
  'AES-GCM',
  'AES-KW',
  'ECDH',
  'ECDSA',
  'Ed25519',
  'HKDF',
  'HMAC',
  'PBKDF2',
  'RSA-OAEP',
  'RSA-PSS',
  'RSASSA-PKCS1-v1_5',
  'X25519',
];
const limits = { iterations: 1_000_000, modulusLength: 4096, length: 2 ** 20 } as const;

/** The algorithm of a piece of work, by its canonical name and within our bounds. Throws WorkError. */
export function algorithmOf(args: Args, name = 'algorithm'): Algorithm {
  const algorithm = recordOf(args, name);
  const known = canonical([...digests, ...others], algorithm.name);
  for (const [member, max] of Object.entries(limits)) {
    const value = algorithm[member];
    if (value === undefined) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw new WorkError('TypeError', `${member} is not a whole number`);
    if (value > max) throw new WorkError('OperationError', `${member} is ${value}; the limit is ${max}`);
  }
  if (algorithm.hash === undefined) return { ...algorithm, name: known };
  const hash = { name: canonical(digests, recordOf(algorithm, 'hash').name) };
  return { ...algorithm, hash, name: known };
}

function canonical(names: readonly string[], given: unknown): string {
  const text = typeof given === 'string' ? given.slice(0, 64) : typeof given;
  const known = names.find((name) => name.toUpperCase() === text.toUpperCase());
  if (known === undefined) throw new WorkError('NotSupportedError', `${text} is not supported`);
  return known;
}
