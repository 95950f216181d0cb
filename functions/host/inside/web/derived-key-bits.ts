import { domString } from './convert.ts';
import { DOMException } from './dom-exception.ts';

const blockBits: Readonly<Record<string, number>> = {
  'SHA-1': 512,
  'SHA-256': 512,
  'SHA-384': 1024,
  'SHA-512': 1024,
};

/** How many bits deriveKey needs for a key of this algorithm (Web Cryptography, "get key length"); null when that is open. */
export function derivedKeyBits(algorithm: unknown): number | null {
  const { name, length, hash } = (
    typeof algorithm === 'object' && algorithm !== null ? algorithm : { name: algorithm }
  ) as { name: unknown; length?: unknown; hash?: unknown };
  const known = domString(name).toUpperCase();
  if (known === 'HKDF' || known === 'PBKDF2') return null;
  if (known === 'HMAC') return length === undefined ? hmacBits(hash) : Number(length);
  if (!/^AES-(GCM|CBC|CTR|KW)$/.test(known))
    throw new DOMException(`A key for ${known.slice(0, 64)} cannot be derived`, 'NotSupportedError');
  if (![128, 192, 256].includes(Number(length)))
    throw new DOMException('An AES key has 128, 192 or 256 bits', 'OperationError');
  return Number(length);
}

function hmacBits(hash: unknown): number {
  const name = domString(
    typeof hash === 'object' && hash !== null ? (hash as { name?: unknown }).name : hash,
  );
  const bits = blockBits[name.toUpperCase()];
  if (bits === undefined)
    throw new DOMException(`${name.slice(0, 64)} is not a supported digest`, 'NotSupportedError');
  return bits;
}
