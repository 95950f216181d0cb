import { makeText } from '../text.ts';
import { domString } from './convert.ts';
import type { Decoder } from './decoder.ts';
import { dictionary } from './event.ts';
import { defineInterface } from './interface.ts';
import { LegacyDecoder } from './legacy-decoder.ts';
import { ports } from './ports.ts';
import { Utf16Decoder } from './utf16-decoder.ts';
import { Utf8Decoder } from './utf8-decoder.ts';

const utf8 = makeText();
export const utf8Name = 'utf-8';

/** Encoding §7.3 */
export class TextEncoder {
  get encoding(): string {
    return utf8Name;
  }
  encode(input: unknown = ''): Uint8Array {
    return utf8.encode(domString(input));
  }
  encodeInto(source: unknown, destination: Uint8Array): { read: number; written: number } {
    if (!(destination instanceof Uint8Array)) throw new TypeError('encodeInto writes to a Uint8Array');
    const text = domString(source);
    let read = 0;
    let written = 0;
    for (const symbol of text) {
      const bytes = utf8.encode(symbol);
      if (written + bytes.length > destination.length) break;
      destination.set(bytes, written);
      written += bytes.length;
      read += symbol.length;
    }
    return { read, written };
  }
}
defineInterface('TextEncoder', TextEncoder);

/** Encoding §7.2 */
export class TextDecoder {
  readonly #encoding: string;
  readonly #fatal: boolean;
  readonly #ignoreBOM: boolean;
  /** Of a stream that has begun. */
  #decoder: Decoder | undefined;
  #begun = false;

  constructor(label: unknown = 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean }) {
    const { fatal, ignoreBOM } = dictionary(options) as { fatal?: boolean; ignoreBOM?: boolean };
    const text = domString(label);
    const encoding = /^[\t\n\f\r ]*utf-?8[\t\n\f\r ]*$/i.test(text) ? 'utf-8' : ports.ask('encoding', text);
    if (encoding === '') throw new RangeError(`${text.slice(0, 64)} is not the label of an encoding`);
    this.#encoding = encoding;
    this.#fatal = Boolean(fatal);
    this.#ignoreBOM = Boolean(ignoreBOM);
  }
  get encoding() {
    return this.#encoding;
  }
  get fatal() {
    return this.#fatal;
  }
  get ignoreBOM() {
    return this.#ignoreBOM;
  }
  decode(input?: unknown, options?: { stream?: boolean }): string {
    const stream = Boolean((dictionary(options) as { stream?: boolean }).stream);
    const decoder = (this.#decoder ??= this.#newDecoder());
    // Whatever happens, a call without `stream` is the last of its stream.
    if (!stream) this.#decoder = undefined;
    const begun = this.#begun;
    this.#begun = false;
    let text = decoder.decode(bytesOf(input), !stream);
    if (text !== '' && !begun && !this.#ignoreBOM && text.startsWith('\uFEFF')) {
      text = text.slice(1);
      this.#begun = stream;
    } else this.#begun = stream && (begun || text !== '');
    return text;
  }

  #newDecoder(): Decoder {
    if (this.#encoding === 'utf-8') return new Utf8Decoder(this.#fatal);
    if (this.#encoding === 'utf-16le') return new Utf16Decoder(true, this.#fatal);
    if (this.#encoding === 'utf-16be') return new Utf16Decoder(false, this.#fatal);
    return new LegacyDecoder(this.#encoding, this.#fatal);
  }
}
defineInterface('TextDecoder', TextDecoder);

function bytesOf(input: unknown): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw new TypeError('decode takes an ArrayBuffer or a view of one');
}
