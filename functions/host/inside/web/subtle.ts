import { concatBytes, decodeText, ownBuffer, utf8 } from './bytes.ts';
import { domString } from './convert.ts';
import { wireAlgorithm, wireKey } from './crypto-algorithm.ts';
import { newKey, slotsOf, type CryptoKey, type KeyAlgorithm, type KeyType } from './crypto-key.ts';
import { DOMException } from './dom-exception.ts';
import { derivedKeyBits } from './derived-key-bits.ts';
import { defineInterface } from './interface.ts';
import { Packer, sourceBytes } from './pack.ts';
import { ports } from './ports.ts';

const own = Symbol('SubtleCrypto');
const usageOrder = 'encrypt decrypt sign verify deriveKey deriveBits wrapKey unwrapKey'.split(' ');

/** How the host tells of a key. */
type KeyFacts = { type: KeyType; algorithm: KeyAlgorithm & { publicExponent?: number[] }; usages: string[] };

/** Web Cryptography §14. Node's implementation in the host does the work; keys stay here and go with each call. */
export class SubtleCrypto {
  readonly #own = true;
  constructor(secret?: symbol) {
    if (secret !== own) throw new TypeError('Illegal constructor');
  }
  async digest(algorithm: unknown, data: unknown): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 2);
    const { bytes } = await ask('digest', { algorithm, bytes: { data } });
    return ownBuffer(bytes);
  }
  async encrypt(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 3);
    return ownBuffer((await ask('encrypt', { algorithm, key, bytes: { data } })).bytes);
  }
  async decrypt(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 3);
    return ownBuffer((await ask('decrypt', { algorithm, key, bytes: { data } })).bytes);
  }
  async sign(algorithm: unknown, key: unknown, data: unknown): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 3);
    return ownBuffer((await ask('sign', { algorithm, key, bytes: { data } })).bytes);
  }
  async verify(algorithm: unknown, key: unknown, signature: unknown, data: unknown): Promise<boolean> {
    need(#own in this, arguments.length, 4);
    return (await ask('verify', { algorithm, key, bytes: { signature, data } })).json === true;
  }
  async deriveBits(algorithm: unknown, key: unknown, length: unknown = null): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 2);
    return ownBuffer((await derive('deriveBits', algorithm, key, length)).bytes);
  }
  async deriveKey(
    algorithm: unknown,
    key: unknown,
    derived: unknown,
    extractable: unknown,
    usages: Iterable<unknown>,
  ): Promise<CryptoKey> {
    need(#own in this, arguments.length, 5);
    const { bytes } = await derive('deriveKey', algorithm, key, derivedKeyBits(derived));
    return importKey('raw', bytes, derived, Boolean(extractable), usages);
  }
  async generateKey(
    algorithm: unknown,
    extractable: unknown,
    usages: Iterable<unknown>,
  ): Promise<CryptoKey | { publicKey: CryptoKey; privateKey: CryptoKey }> {
    need(#own in this, arguments.length, 3);
    const wanted = usageList(usages);
    const { json, bytes } = await ask('generateKey', { algorithm, more: { usages: wanted } });
    const made = json as (KeyFacts & { size: number })[];
    let at = 0;
    const keys = made.map(({ size, ...facts }) =>
      keyOf(facts, facts.type === 'public' || Boolean(extractable), bytes.slice(at, (at += size))),
    );
    const [first, second] = keys;
    if (!first) throw new DOMException('No key was made', 'OperationError');
    return second ? { publicKey: first, privateKey: second } : first;
  }
  async importKey(
    format: unknown,
    data: unknown,
    algorithm: unknown,
    extractable: unknown,
    usages: Iterable<unknown>,
  ): Promise<CryptoKey> {
    need(#own in this, arguments.length, 5);
    return importKey(domString(format), data, algorithm, Boolean(extractable), usages);
  }
  async exportKey(format: unknown, key: unknown): Promise<unknown> {
    need(#own in this, arguments.length, 2);
    return exportKey(domString(format), key);
  }
  async wrapKey(format: unknown, key: unknown, wrapping: unknown, algorithm: unknown): Promise<ArrayBuffer> {
    need(#own in this, arguments.length, 4);
    const exported = await exportKey(domString(format), key);
    const data = exported instanceof ArrayBuffer ? exported : jwkBytes(exported, wrapping);
    return ownBuffer((await ask('wrapKey', { algorithm, key: wrapping, bytes: { data } })).bytes);
  }
  async unwrapKey(
    format: unknown,
    wrapped: unknown,
    unwrapping: unknown,
    algorithm: unknown,
    keyAlgorithm: unknown,
    extractable: unknown,
    usages: Iterable<unknown>,
  ): Promise<CryptoKey> {
    need(#own in this, arguments.length, 7);
    const { bytes } = await ask('unwrapKey', { algorithm, key: unwrapping, bytes: { data: wrapped } });
    const data: unknown = domString(format) === 'jwk' ? JSON.parse(decodeText(bytes)) : bytes;
    return importKey(domString(format), data, keyAlgorithm, Boolean(extractable), usages);
  }
}
defineInterface('SubtleCrypto', SubtleCrypto);

export const subtle = new SubtleCrypto(own);

type Question = {
  readonly algorithm?: unknown;
  readonly key?: unknown;
  readonly bytes?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
};

/** One question to the host. Rejects with the DOMException or TypeError that the standard names. */
async function ask(method: string, { algorithm, key, bytes = {}, more }: Question) {
  const packer = new Packer();
  const args: Record<string, unknown> = { ...more };
  if (algorithm !== undefined) args.algorithm = wireAlgorithm(algorithm, packer);
  if (key !== undefined) {
    args.key = wireKey(key, packer);
    checkUse(method, key, (args.algorithm as { name: string } | undefined)?.name);
  }
  for (const [name, value] of Object.entries(bytes)) args[name] = packer.put(sourceBytes(value));
  try {
    const reply = await ports.work(method, args, packer.take());
    return { json: reply.json, bytes: reply.bytes ?? new Uint8Array(0) };
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (typeof code !== 'string') throw error;
    throw code === 'TypeError' ? new TypeError(message) : new DOMException(message, code);
  }
}

function checkUse(method: string, key: unknown, name: string | undefined): void {
  const { algorithm, usages } = slotsOf(key);
  if (method === 'exportKey') return;
  if (name !== undefined && name.toUpperCase() !== algorithm.name.toUpperCase())
    throw new DOMException(`The key is for ${algorithm.name}, not ${name}`, 'InvalidAccessError');
  if (!usages.includes(method))
    throw new DOMException(`The key may not be used to ${method}`, 'InvalidAccessError');
}

function derive(method: string, algorithm: unknown, key: unknown, length: unknown) {
  return ask(method, { algorithm, key, more: { length: length === null ? null : Number(length) } });
}

async function importKey(
  format: string,
  data: unknown,
  algorithm: unknown,
  extractable: boolean,
  usages: Iterable<unknown>,
): Promise<CryptoKey> {
  const wanted = usageList(usages);
  const more: Record<string, unknown> = { format, extractable, usages: wanted };
  if (format !== 'jwk') {
    const { json, bytes } = await ask('importKey', { algorithm, more, bytes: { data } });
    return keyOf(json as KeyFacts, extractable, bytes);
  }
  if (typeof data !== 'object' || data === null || ArrayBuffer.isView(data) || data instanceof ArrayBuffer)
    throw new TypeError('A JSON Web Key is an object');
  more.jwk = data;
  const { json, bytes } = await ask('importKey', { algorithm, more });
  return keyOf(json as KeyFacts, extractable, bytes);
}

/** AES-KW takes blocks of 64 bits: spaces at its end are none of the key's. */
function jwkBytes(jwk: unknown, wrapping: unknown): Uint8Array {
  const bytes = utf8.encode(JSON.stringify(jwk));
  if (slotsOf(wrapping).algorithm.name !== 'AES-KW') return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8).fill(0x20);
  padded.set(bytes);
  return padded;
}

async function exportKey(format: string, key: unknown): Promise<unknown> {
  const { extractable, material } = slotsOf(key);
  if (!extractable) throw new DOMException('The key is not extractable', 'InvalidAccessError');
  if (slotsOf(key).type === 'secret' && format === 'raw') return ownBuffer(concatBytes([material.slice()]));
  const { json, bytes } = await ask('exportKey', { key, more: { format } });
  return format === 'jwk' ? json : ownBuffer(bytes);
}

function keyOf({ type, algorithm, usages }: KeyFacts, extractable: boolean, material: Uint8Array): CryptoKey {
  const { publicExponent, ...rest } = algorithm;
  const exponent = publicExponent && { publicExponent: Uint8Array.from(publicExponent) };
  const ordered = usageOrder.filter((usage) => usages.includes(usage));
  return newKey({ type, extractable, algorithm: { ...rest, ...exponent }, usages: ordered, material });
}

function usageList(usages: Iterable<unknown>): string[] {
  const list = [...usages].map(domString);
  const unknown = list.find((usage) => !usageOrder.includes(usage));
  if (unknown !== undefined) throw new TypeError(`${unknown} is not a usage of keys`);
  return list;
}

function need(isOwn: boolean, given: number, count: number): void {
  if (!isOwn) throw new TypeError('That is not the SubtleCrypto object');
  if (given < count) throw new TypeError(`${count} arguments are needed, ${given} given`);
}
