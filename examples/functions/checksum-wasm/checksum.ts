import wasm from './checksum.wasm';

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly input: { readonly value: number };
  readonly capacity: { readonly value: number };
  readonly crc32: (crc: number, length: number) => number;
  readonly adler32: (adler: number, length: number) => number;
};

const { memory, input, capacity, crc32, adler32 } = new WebAssembly.Instance(wasm).exports as Exports;

export type Checksums = { readonly bytes: number; readonly crc32: string; readonly adler32: string };

/** Of any length: the memory of the module holds one piece at a time. */
export function checksums(bytes: Uint8Array): Checksums {
  const room = new Uint8Array(memory.buffer, input.value, capacity.value);
  let crc = 0;
  let adler = 1;
  for (let at = 0; at < bytes.byteLength; at += room.byteLength) {
    const piece = bytes.subarray(at, at + room.byteLength);
    room.set(piece);
    crc = crc32(crc, piece.byteLength);
    adler = adler32(adler, piece.byteLength);
  }
  return { bytes: bytes.byteLength, crc32: hex(crc), adler32: hex(adler) };
}

/** WebAssembly gives 32 bits as a signed number. */
function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
