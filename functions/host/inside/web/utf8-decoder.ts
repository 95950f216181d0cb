import { makeText } from '../text.ts';
import type { Decoder } from './decoder.ts';

const utf8 = makeText();

/** Keeps what a piece ends with when that is the beginning of a character. */
export class Utf8Decoder implements Decoder {
  readonly #fatal: boolean;
  #kept = new Uint8Array(0);

  constructor(fatal: boolean) {
    this.#fatal = fatal;
  }

  decode(piece: Uint8Array, last: boolean): string {
    let bytes = piece;
    if (this.#kept.length > 0) {
      bytes = new Uint8Array(this.#kept.length + piece.length);
      bytes.set(this.#kept);
      bytes.set(piece, this.#kept.length);
    }
    const whole = bytes.length - (last ? 0 : unfinished(bytes));
    this.#kept = bytes.slice(whole);
    return utf8.decode(whole === bytes.length ? bytes : bytes.subarray(0, whole), this.#fatal);
  }
}

/** How many bytes at the end are a well-formed beginning of a character whose rest may follow (Unicode 15, table 3-7). */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const lead = bytes[bytes.length - back] ?? 0;
    if (lead >= 0x80 && lead < 0xc0) continue;
    const size = lead < 0xc2 || lead > 0xf4 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return size > back && (back === 1 || allows(lead, bytes[bytes.length - back + 1] ?? 0)) ? back : 0;
  }
  return 0;
}

function allows(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second < 0xa0;
  if (lead === 0xf0) return second >= 0x90;
  return lead !== 0xf4 || second < 0x90;
}
