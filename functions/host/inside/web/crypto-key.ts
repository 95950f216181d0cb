import { defineInterface } from './interface.ts';

export type KeyType = 'secret' | 'public' | 'private';
export type KeyAlgorithm = Readonly<Record<string, unknown>> & { readonly name: string };
export type KeySlots = {
  readonly type: KeyType;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: readonly string[];
  /** Raw, SPKI or PKCS #8 bytes, by type. They leave this module to the host, and by exportKey when extractable. */
  readonly material: Uint8Array;
};

const secret = Symbol('CryptoKey');
let read: (key: CryptoKey) => KeySlots;

/** Web Cryptography §13 */
export class CryptoKey {
  readonly #slots: KeySlots;
  readonly #usages: string[];

  static {
    read = (key) => key.#slots;
  }

  constructor(own?: symbol, slots?: KeySlots) {
    if (own !== secret || !slots) throw new TypeError('Illegal constructor: use crypto.subtle');
    this.#slots = slots;
    this.#usages = [...slots.usages];
  }
  get type() {
    return this.#slots.type;
  }
  get extractable() {
    return this.#slots.extractable;
  }
  get algorithm() {
    return this.#slots.algorithm;
  }
  get usages() {
    return this.#usages;
  }
}
defineInterface('CryptoKey', CryptoKey);

export function newKey(slots: KeySlots): CryptoKey {
  return new CryptoKey(secret, slots);
}

/** Throws TypeError for what is not a CryptoKey. */
export function slotsOf(key: unknown): KeySlots {
  if (!(key instanceof CryptoKey)) throw new TypeError('A CryptoKey is needed');
  return read(key);
}
