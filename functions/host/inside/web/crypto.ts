import { defineInterface } from './interface.ts';
import { fillRandom, randomUuid } from './random.ts';
import { subtle, type SubtleCrypto } from './subtle.ts';

const key = Symbol('Crypto');

/** Web Cryptography §10 */
export class Crypto {
  readonly #own = true;
  constructor(secret?: symbol) {
    if (secret !== key) throw new TypeError('Illegal constructor');
  }
  get subtle(): SubtleCrypto {
    checkOwn(#own in this);
    return subtle;
  }
  getRandomValues<T>(array: T): T {
    checkOwn(#own in this);
    return fillRandom(array);
  }
  randomUUID(): string {
    checkOwn(#own in this);
    return randomUuid();
  }
}
defineInterface('Crypto', Crypto);

export const crypto = new Crypto(key);

function checkOwn(own: boolean): void {
  if (!own) throw new TypeError('That is not the Crypto object');
}
