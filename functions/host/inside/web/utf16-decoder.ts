import type { Decoder } from './decoder.ts';

/** Encoding §14.2: lone surrogates and an odd last byte become U+FFFD. */
export class Utf16Decoder implements Decoder {
  readonly #littleEndian: boolean;
  readonly #fatal: boolean;
  #kept = '';
  #byte: number | undefined;

  constructor(littleEndian: boolean, fatal: boolean) {
    this.#littleEndian = littleEndian;
    this.#fatal = fatal;
  }

  decode(bytes: Uint8Array, last: boolean): string {
    let text = this.#kept;
    let units: number[] = [];
    for (const byte of bytes) {
      if (this.#byte === undefined) {
        this.#byte = byte;
        continue;
      }
      units.push(this.#littleEndian ? this.#byte | (byte << 8) : (this.#byte << 8) | byte);
      this.#byte = undefined;
      if (units.length < 4096) continue;
      text += String.fromCharCode(...units);
      units = [];
    }
    text += String.fromCharCode(...units);
    const odd = last && this.#byte !== undefined;
    if (last) this.#byte = undefined;
    // A high surrogate at the end waits for the other half.
    const open = !last && /[\uD800-\uDBFF]$/.test(text);
    this.#kept = open ? text.slice(-1) : '';
    const whole = open ? text.slice(0, -1) : text;
    if (this.#fatal && (odd || !whole.isWellFormed())) throw new TypeError('The bytes are not UTF-16');
    return whole.toWellFormed() + (odd ? '\uFFFD' : '');
  }
}
