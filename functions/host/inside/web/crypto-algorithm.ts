import { domString } from './convert.ts';
import { slotsOf } from './crypto-key.ts';
import { sourceBytes, type Packer } from './pack.ts';

/** Members of the dictionaries of Web Cryptography, by what they hold. */
const byteMembers = ['iv', 'counter', 'additionalData', 'label', 'salt', 'info', 'publicExponent', 'context'];
const numberMembers = ['length', 'tagLength', 'saltLength', 'iterations', 'modulusLength'];

export type WireAlgorithm = { name: string } & Record<string, unknown>;

/** An algorithm as the host reads it; names are compared there. Each member is read once. */
export function wireAlgorithm(algorithm: unknown, packer: Packer): WireAlgorithm {
  if (typeof algorithm !== 'object' || algorithm === null) return { name: domString(algorithm) };
  const given = algorithm as Readonly<Record<string, unknown>>;
  const { name, hash, namedCurve, public: publicKey } = given;
  if (name === undefined) throw new TypeError('An algorithm needs a name');
  const wire: WireAlgorithm = { name: domString(name) };
  if (hash !== undefined) wire.hash = wireAlgorithm(hash, packer);
  if (namedCurve !== undefined) wire.namedCurve = domString(namedCurve);
  if (publicKey !== undefined) wire.public = wireKey(publicKey, packer);
  for (const member of byteMembers) {
    const value = given[member];
    if (value !== undefined) wire[member] = packer.put(sourceBytes(value));
  }
  for (const member of numberMembers) {
    const value = given[member];
    if (value !== undefined) wire[member] = Number(value);
  }
  return wire;
}

/** A key as the host reads it: with its material. */
export function wireKey(key: unknown, packer: Packer): object {
  const { type, algorithm, usages, material } = slotsOf(key);
  return { type, algorithm: wireAlgorithm(algorithm, packer), usages, material: packer.put(material) };
}
