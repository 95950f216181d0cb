import { defineInterface } from './interface.ts';

/** Put in by the bundler. */
declare const HOLDFAST_VERSION: string;

const key = Symbol('Navigator');

/** HTML §8.10: only the name of the program that the function runs in. */
export class Navigator {
  readonly #own = true;
  constructor(secret?: symbol) {
    if (secret !== key) throw new TypeError('Illegal constructor');
  }
  get userAgent(): string {
    if (!(#own in this)) throw new TypeError('That is not the Navigator object');
    return `Holdfast/${HOLDFAST_VERSION}`;
  }
}
defineInterface('Navigator', Navigator);

export const navigator = new Navigator(key);
