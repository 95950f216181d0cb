import { ports } from './ports.ts';
import type { Decoder } from './decoder.ts';

const maxPieceBytes = 2 ** 20;
/** One byte is one character, so pieces need no memory of those before. */
const singleByte = /^(windows-|iso-8859-|koi8-|ibm866$|macintosh$|x-mac-cyrillic$|x-user-defined$)/;

/** The encodings before Unicode, by the host's tables. Those of several bytes give their text with the last piece. */
export class LegacyDecoder implements Decoder {
  readonly #encoding: string;
  readonly #fatal: boolean;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(encoding: string, fatal: boolean) {
    this.#encoding = encoding;
    this.#fatal = fatal;
  }

  decode(piece: Uint8Array, last: boolean): string {
    if (singleByte.test(this.#encoding)) {
      let text = '';
      for (let at = 0; at < piece.length; at += maxPieceBytes) {
        text += this.#ask(piece.slice(at, at + maxPieceBytes));
      }
      return text;
    }
    const bytes = new Uint8Array(this.#kept.length + piece.length);
    bytes.set(this.#kept);
    bytes.set(piece, this.#kept.length);
    if (bytes.length > maxPieceBytes)
      throw new RangeError(`${this.#encoding} is decoded up to ${maxPieceBytes} bytes`);
    this.#kept = last ? new Uint8Array(0) : bytes;
    return last ? this.#ask(bytes) : '';
  }

  #ask(bytes: Uint8Array): string {
    const text = ports.ask('decode', this.#encoding, bytes, this.#fatal);
    if (text === undefined) throw new TypeError(`The bytes are not ${this.#encoding}`);
    return text;
  }
}
