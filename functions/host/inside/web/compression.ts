import { viewBytes } from './bytes.ts';
import { gzipChecksum, zlibChecksum, type Checksum } from './checksum.ts';
import { codecs } from './codecs.ts';
import { domString } from './convert.ts';
import { defineInterface } from './interface.ts';
import { TransformStream, type ReadableStream, type WritableStream } from './streams.ts';

type Format = 'gzip' | 'deflate' | 'deflate-raw';
type Codec = {
  push(bytes: Uint8Array, last?: boolean): void;
  ondata?: unknown;
};
type Controller = { enqueue(bytes: Uint8Array): void };

/** What a format ends with, in bytes, after the compressed data. */
const trailerBytes = { gzip: 8, deflate: 4, 'deflate-raw': 0 } as const;
/** Piece that is decompressed at a time: what comes out may be a thousand times larger. */
const pieceBytes = 16 * 1024;

/** Compression §4.1 */
export class CompressionStream {
  readonly #transform: TransformStream<unknown, Uint8Array>;
  constructor(format: unknown) {
    const known = formatOf(format);
    let codec: Codec | undefined;
    this.#transform = new TransformStream<unknown, Uint8Array>({
      start(controller) {
        codec = compressor(known, controller);
      },
      transform: (chunk) => codec?.push(bytesOf(chunk)),
      flush: () => codec?.push(new Uint8Array(0), true),
    });
  }
  get readable(): ReadableStream<Uint8Array> {
    return this.#transform.readable;
  }
  get writable(): WritableStream<unknown> {
    return this.#transform.writable;
  }
}
defineInterface('CompressionStream', CompressionStream);

/** Compression §4.2. Broken, short or long data is a TypeError. */
export class DecompressionStream {
  readonly #transform: TransformStream<unknown, Uint8Array>;
  constructor(format: unknown) {
    const known = formatOf(format);
    let decompression: Decompression | undefined;
    this.#transform = new TransformStream<unknown, Uint8Array>({
      start(controller) {
        const checksum = known === 'gzip' ? gzipChecksum() : known === 'deflate' ? zlibChecksum() : undefined;
        const take = (bytes: Uint8Array) => {
          checksum?.update(bytes);
          controller.enqueue(bytes);
        };
        decompression = new Decompression(decompressor(known, take), checksum, trailerBytes[known]);
      },
      transform: (chunk) => decompression?.push(bytesOf(chunk)),
      flush: () => decompression?.end(),
    });
  }
  get readable(): ReadableStream<Uint8Array> {
    return this.#transform.readable;
  }
  get writable(): WritableStream<unknown> {
    return this.#transform.writable;
  }
}
defineInterface('DecompressionStream', DecompressionStream);

/** Feeds a decompressor and compares the end of the data with what came out of it. */
class Decompression {
  readonly #codec: Codec;
  readonly #checksum: Checksum | undefined;
  readonly #size: number;
  #last: number[] = [];
  #empty = true;

  constructor(codec: Codec, checksum: Checksum | undefined, trailerSize: number) {
    this.#codec = codec;
    this.#checksum = checksum;
    this.#size = trailerSize;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#empty = false;
    if (this.#size > 0) this.#last = [...this.#last, ...bytes.subarray(-this.#size)].slice(-this.#size);
    for (let at = 0; at < bytes.length; at += pieceBytes) this.#feed(bytes.slice(at, at + pieceBytes), false);
  }

  end(): void {
    if (this.#empty) throw new TypeError('There is no compressed data');
    this.#feed(new Uint8Array(0), true);
    const trailer = this.#checksum?.trailer() ?? [];
    if (trailer.some((byte, at) => byte !== this.#last[at]))
      throw new TypeError('The compressed data does not end as it should');
  }

  #feed(bytes: Uint8Array, last: boolean): void {
    try {
      this.#codec.push(bytes, last);
    } catch (error) {
      throw new TypeError(`The compressed data is invalid: ${(error as Error).message}`, { cause: error });
    }
  }
}

function compressor(format: Format, controller: Controller): Codec {
  const { Deflate, Gzip, Zlib } = codecs();
  const Type = { gzip: Gzip, deflate: Zlib, 'deflate-raw': Deflate }[format];
  return new Type((bytes) => bytes.length > 0 && controller.enqueue(bytes));
}

function decompressor(format: Format, take: (bytes: Uint8Array) => void): Codec {
  const { Gunzip, Inflate, Unzlib } = codecs();
  const Type = { gzip: Gunzip, deflate: Unzlib, 'deflate-raw': Inflate }[format];
  return new Type((bytes) => bytes.length > 0 && take(bytes));
}

function formatOf(format: unknown): Format {
  const text = domString(format);
  if (text === 'gzip' || text === 'deflate' || text === 'deflate-raw') return text;
  throw new TypeError(`${text.slice(0, 64)} is not gzip, deflate or deflate-raw`);
}

function bytesOf(chunk: unknown): Uint8Array {
  const bytes = viewBytes(chunk);
  if (!bytes) throw new TypeError('Compression takes an ArrayBuffer or a view of one');
  return bytes;
}
