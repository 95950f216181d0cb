import type { webcrypto } from 'node:crypto';
import { algorithmOf } from './algorithms.ts';
import { bitsOfModulusBit } from './cost.ts';
import { bytesOf, recordOf, textOf, type Args } from './read-args.ts';
import { WorkError } from './work-error.ts';

type Key = webcrypto.CryptoKey;
const { subtle } = globalThis.crypto;

const formats = { secret: 'raw', public: 'spki', private: 'pkcs8' } as const;
const maxRsaBits = 4096;
const maxExponentBytes = 8;

/** What the isolate is told of a key, and its material in the one format of its type. */
export type KeyFacts = { readonly facts: object; readonly material: Uint8Array };

/** A key as the isolate keeps it. `usages`: by default those it has. Throws WorkError, or what the import throws. */
export async function openKey(args: Args, name = 'key', usages?: readonly string[]): Promise<Key> {
  const key = recordOf(args, name);
  const algorithm = algorithmOf(key) as unknown as Parameters<typeof subtle.importKey>[2];
  const type = textOf(key, 'type');
  if (type !== 'secret' && type !== 'public' && type !== 'private')
    throw new WorkError('TypeError', 'There is no such type of key');
  const wanted = [...(usages ?? (key.usages as string[]))] as Parameters<typeof subtle.importKey>[4];
  const opened = await subtle.importKey(
    formats[type],
    bytesOf(key, 'material'),
    algorithm,
    isDerivation(key) ? false : true,
    wanted,
  );
  checkRsa(opened);
  checkParts(opened, bytesOf(key, 'material').byteLength);
  return opened;
}

/** Keys to derive from cannot be exported: their material is what was imported. */
function isDerivation(key: Args): boolean {
  return /^(HKDF|PBKDF2)$/i.test(String(recordOf(key, 'algorithm').name));
}

export async function importKey(args: Args): Promise<KeyFacts> {
  const algorithm = algorithmOf(args);
  const format = textOf(args, 'format') as 'raw';
  const usages = args.usages as Parameters<typeof subtle.importKey>[4];
  const derivation = algorithm.name === 'HKDF' || algorithm.name === 'PBKDF2';
  const extractable = args.extractable === true;
  const data = format === ('jwk' as string) ? portableJwk(args, extractable) : bytesOf(args, 'data');
  const key = await subtle.importKey(
    format,
    data as Uint8Array<ArrayBuffer>,
    algorithm,
    derivation ? extractable : true,
    usages,
  );
  checkRsa(key);
  if (derivation) return { facts: factsOf(key), material: bytesOf(args, 'data') };
  return { facts: factsOf(key), material: await materialOf(key) };
}

/** Web Cryptography: `ext: false` may be imported as a key that is not extractable only; that is checked here. */
function portableJwk(args: Args, extractable: boolean): object {
  const { ext, ...jwk } = recordOf(args, 'jwk');
  if (ext === false && extractable) throw new WorkError('DataError', 'The JSON Web Key says ext: false');
  return { ...jwk };
}

export async function generateKey(args: Args): Promise<KeyFacts[]> {
  const algorithm = algorithmOf(args) as unknown as webcrypto.AesKeyGenParams;
  const usages = args.usages as Parameters<typeof subtle.generateKey>[2];
  const made: unknown = await subtle.generateKey(algorithm, true, usages);
  const keys =
    made instanceof CryptoKey ? [made] : Object.values(made as Record<'publicKey' | 'privateKey', Key>);
  const publicFirst = keys.sort((a, b) => (a.type === 'public' ? -1 : b.type === 'public' ? 1 : 0));
  return Promise.all(
    publicFirst.map(async (key) => ({ facts: factsOf(key), material: await materialOf(key) })),
  );
}

async function materialOf(key: Key): Promise<Uint8Array> {
  return new Uint8Array(await subtle.exportKey(formats[key.type], key));
}

function factsOf({ type, algorithm, usages }: Key): object {
  const { publicExponent, ...rest } = algorithm as { publicExponent?: Uint8Array };
  const exponent = publicExponent && { publicExponent: [...publicExponent] };
  return { type, usages, algorithm: { ...rest, ...exponent } };
}

/** The time of an operation grows with the cube of the modulus, that of a public key with its exponent too. */
function checkRsa({ algorithm }: Key): void {
  const { modulusLength = 0, publicExponent = [] } = algorithm as {
    modulusLength?: number;
    publicExponent?: Iterable<number>;
  };
  if (modulusLength > maxRsaBits)
    throw new WorkError('DataError', `The modulus has ${modulusLength} bits; the limit is ${maxRsaBits}`);
  const exponentBytes = [...publicExponent].length;
  if (exponentBytes > maxExponentBytes)
    throw new WorkError(
      'DataError',
      `The exponent has ${exponentBytes} bytes; the limit is ${maxExponentBytes}`,
    );
}

/** The cost of a private key is told by its size (`cost.ts`): one that leaves out what makes it fast is slower than that. */
function checkParts({ type, algorithm }: Key, bytes: number): void {
  const { modulusLength = 0 } = algorithm as { modulusLength?: number };
  if (type === 'private' && bytes * 8 < modulusLength * bitsOfModulusBit)
    throw new WorkError(
      'DataError',
      `A private key of ${bytes} bytes lacks a part of its ${modulusLength} bits`,
    );
}
