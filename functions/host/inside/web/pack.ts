import { viewBytes } from './bytes.ts';

/** Where in the bytes beside it a value lies: what stands for bytes in the JSON of a call. */
export type Place = { readonly at: readonly [offset: number, length: number] };

/** Takes the bytes out of a value of plain objects, arrays and primitives: its JSON goes one way, copies of the bytes another. */
export class Packer {
  readonly #pieces: Uint8Array[] = [];
  #size = 0;

  put(bytes: Uint8Array): Place {
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    return { at: [this.#size - bytes.length, bytes.length] };
  }

  /** Joined; they are copies, so that the caller may go on changing his. */
  take(): Uint8Array {
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

/** The bytes of a BufferSource. Throws TypeError. */
export function sourceBytes(value: unknown): Uint8Array {
  const bytes = viewBytes(value);
  if (!bytes) throw new TypeError('Data is given as an ArrayBuffer or a view of one');
  return bytes;
}
