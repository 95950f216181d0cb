import { createHash } from 'node:crypto';
import { constants, createGzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { digestOf, type Digest } from '../../../lib/digest.ts';
import type { Descriptor } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { chunkHash, chunkTableAnnotations, encodeChunkTable, type ChunkSizes } from './chunk-table.ts';
import { compressChunks } from './compress-chunks.ts';
import { cutChunks } from './cut-chunks.ts';
import { layerMediaType } from './layer-types.ts';
import type { TarPiece } from './write-tar.ts';

export type WriteLayerOptions = {
  readonly layout: Pick<OciLayout, 'createBlobWriter'>;
  readonly signal: AbortSignal;
  /** Bytes of tar since the last call. */
  readonly onBytes: (count: number) => void;
};

export type WrittenLayer = {
  readonly descriptor: Descriptor;
  /** Of the tar. */
  readonly diffId: Digest;
  readonly plainBytes: number;
};

/** Bytes that are collected before they are written to disk. */
const writeBytes = 1024 * 1024;

/** A layer in the layout, seekable: tar+zstd with a chunk table. Resolves when it is on disk; a failure leaves nothing. */
export async function writeSeekableLayer(
  pieces: Iterable<TarPiece>,
  options: WriteLayerOptions,
): Promise<WrittenLayer> {
  const tar = new PieceMeter(pieces, options.onBytes);
  const chunks: ChunkSizes[] = [];
  let table: Uint8Array = Buffer.alloc(0);
  const parts = async function* (): AsyncGenerator<Uint8Array> {
    for await (const { frame, plainBytes } of compressChunks(cutChunks(tar))) {
      chunks.push({ frameBytes: frame.byteLength, plainBytes, hash: chunkHash(frame) });
      yield frame;
    }
    yield (table = encodeChunkTable(chunks));
  };
  const blob = await writeBlob(parts(), options);
  const place = { offset: blob.size - table.byteLength, size: table.byteLength, digest: digestOf(table) };
  const annotations = chunkTableAnnotations(place);
  return { descriptor: { mediaType: layerMediaType('zstd'), ...blob, annotations }, ...tar.result() };
}

/** As tar+gzip, which every tool reads. */
export async function writeGzipLayer(
  pieces: Iterable<TarPiece>,
  options: WriteLayerOptions,
): Promise<WrittenLayer> {
  const tar = new PieceMeter(pieces, options.onBytes);
  const copies = function* () {
    for (const { bytes } of tar) yield Buffer.from(bytes);
  };
  const gzip = createGzip({ level: constants.Z_DEFAULT_COMPRESSION });
  const blob = await writeBlob(Readable.from(copies()).compose(gzip), options);
  return { descriptor: { mediaType: layerMediaType('gzip'), ...blob }, ...tar.result() };
}

/** Passes an archive on and takes its digest. */
class PieceMeter implements Iterable<TarPiece> {
  readonly #pieces: Iterable<TarPiece>;
  readonly #onBytes: (count: number) => void;
  readonly #hash = createHash('sha256');
  #bytes = 0;

  constructor(pieces: Iterable<TarPiece>, onBytes: (count: number) => void) {
    this.#pieces = pieces;
    this.#onBytes = onBytes;
  }

  *[Symbol.iterator](): Generator<TarPiece> {
    for (const piece of this.#pieces) {
      this.#hash.update(piece.bytes);
      this.#bytes += piece.bytes.byteLength;
      yield piece;
      this.#onBytes(piece.bytes.byteLength);
    }
  }

  /** When all of it has passed. */
  result(): Pick<WrittenLayer, 'diffId' | 'plainBytes'> {
    const diffId = `sha256:${this.#hash.digest('hex')}` as Digest;
    return { diffId, plainBytes: this.#bytes };
  }
}

async function writeBlob(
  parts: AsyncIterable<Uint8Array>,
  { layout, signal }: WriteLayerOptions,
): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  await using writer = await layout.createBlobWriter({});
  const hash = createHash('sha256');
  for await (const bytes of collected(parts)) {
    signal.throwIfAborted();
    hash.update(bytes);
    await writer.write(bytes);
  }
  const digest = await writer.commit(`sha256:${hash.digest('hex')}` as Digest);
  return { digest, size: writer.bytesWritten };
}

/** Fewer, larger pieces: a call for each frame would cost more than the frame. */
async function* collected(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of parts) {
    held.push(part);
    bytes += part.byteLength;
    if (bytes < writeBytes) continue;
    yield Buffer.concat(held);
    [held, bytes] = [[], 0];
  }
  yield Buffer.concat(held);
}
