import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { isDigest, type Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import type { Descriptor } from '../manifest.ts';

/**
 * A seekable layer is zstd frames that stand for themselves, one a chunk of the tar, and behind them a skippable frame (RFC 8878 §3.1.2)
 * with this table. To every other program it is plain tar+zstd. The table, little-endian:
 *
 *     u32 0x184D2A5D   u32 bytes that follow
 *     for each chunk, in order:   u32 bytes of its frame   u32 bytes of tar   first 16 bytes of the frame's SHA-256
 *     u32 chunks   u8 version, 1   7 bytes "hfchunk"
 *
 * The end tells a reader of the file that there is a table, and how long it is; annotations tell a reader of the registry.
 */

/** One chunk of a layer: a whole zstd frame of its blob. */
export type LayerChunk = {
  /** Where the frame begins in the blob. */
  readonly offset: number;
  readonly frameBytes: number;
  /** Of tar that come out. */
  readonly plainBytes: number;
  /** Of the frame, see `chunkHash`. */
  readonly hash: string;
};

/** What a table says of a chunk; where it lies follows from those before it. */
export type ChunkSizes = Omit<LayerChunk, 'offset'>;

/** Where a blob's table lies: the whole skippable frame, which ends the blob. */
export type ChunkTablePlace = { readonly offset: number; readonly size: number; readonly digest: Digest };

/** On the descriptor of a layer. */
const chunkAnnotations = {
  offset: 'dev.holdfast.chunks.offset',
  size: 'dev.holdfast.chunks.size',
  digest: 'dev.holdfast.chunks.digest',
} as const;

const skippableMagic = 0x184d2a5d;
const frameHeaderBytes = 8;
const entryBytes = 24;
const hashBytes = 16;
const footerMagic = Buffer.from('hfchunk');
const version = 1;
const footerBytes = 5 + footerMagic.byteLength;
const maxChunks = 2 ** 20;
/** More than the longest chunk and its frame's header: what a reader must be ready to hold at once. */
const maxChunkBytes = 2 ** 20;
const maxTableBytes = frameHeaderBytes + maxChunks * entryBytes + footerBytes;

/** Half a SHA-256, in hexadecimal: finds equal frames. The blob's own digest decides whether it was put together rightly. */
export function chunkHash(frame: Uint8Array): string {
  return hash('sha256', frame, 'hex').slice(0, 2 * hashBytes);
}

/** The skippable frame. */
export function encodeChunkTable(chunks: readonly ChunkSizes[]): Buffer {
  if (chunks.length > maxChunks) {
    throw new SyncError(
      'tooLarge',
      `A layer of ${chunks.length} chunks is larger than the ${maxChunks} allowed`,
    );
  }
  const table = Buffer.alloc(frameHeaderBytes + chunks.length * entryBytes + footerBytes);
  table.writeUInt32LE(skippableMagic, 0);
  table.writeUInt32LE(table.byteLength - frameHeaderBytes, 4);
  let at = frameHeaderBytes;
  for (const { frameBytes, plainBytes, hash: hashText } of chunks) {
    table.writeUInt32LE(frameBytes, at);
    table.writeUInt32LE(plainBytes, at + 4);
    table.write(hashText, at + 8, 'hex');
    at += entryBytes;
  }
  table.writeUInt32LE(chunks.length, at);
  table.writeUInt8(version, at + 4);
  footerMagic.copy(table, at + 5);
  return table;
}

/** Reads a skippable frame that lies at `offset` of its blob. Throws `badImage` for what is no table of the bytes before it. */
export function parseChunkTable(table: Uint8Array, offset: number): LayerChunk[] {
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.byteLength);
  const count = bytes.byteLength < frameHeaderBytes + footerBytes ? undefined : countOf(bytes);
  if (
    count === undefined ||
    bytes.byteLength !== tableBytes(count) ||
    bytes.readUInt32LE(0) !== skippableMagic ||
    bytes.readUInt32LE(4) !== bytes.byteLength - frameHeaderBytes
  ) {
    throw badTable('is none of this version');
  }
  const chunks: LayerChunk[] = [];
  let end = 0;
  for (let at = frameHeaderBytes; chunks.length < count; at += entryBytes) {
    const [frameBytes, plainBytes] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
    if (frameBytes === 0 || frameBytes > maxChunkBytes || plainBytes > maxChunkBytes)
      throw badTable(`has a chunk of ${frameBytes} bytes for ${plainBytes}`);
    const hashText = bytes.toString('hex', at + 8, at + 8 + hashBytes);
    chunks.push({ offset: end, frameBytes, plainBytes, hash: hashText });
    end += frameBytes;
  }
  if (end !== offset) throw badTable(`is of ${end} bytes, but ${offset} lie before it`);
  return chunks;
}

/** Undefined for a layer without a table. A foreign annotation that fits nothing counts as none. */
export function chunkTablePlace({ annotations = {}, size }: Descriptor): ChunkTablePlace | undefined {
  const place = {
    offset: numberOf(annotations[chunkAnnotations.offset]),
    size: numberOf(annotations[chunkAnnotations.size]),
    digest: annotations[chunkAnnotations.digest] ?? '',
  };
  const fits = place.size <= maxTableBytes && place.offset + place.size === size;
  return fits && isDigest(place.digest) ? { ...place, digest: place.digest } : undefined;
}

export function chunkTableAnnotations({ offset, size, digest }: ChunkTablePlace): Record<string, string> {
  return {
    [chunkAnnotations.offset]: String(offset),
    [chunkAnnotations.size]: String(size),
    [chunkAnnotations.digest]: digest,
  };
}

/**
 * The chunks of a blob on disk, by the table at its end; undefined where there is none. The blob's digest is not verified:
 * a frame taken from it is to be compared with its hash.
 */
export async function readChunkTable(blob: FileHandle): Promise<LayerChunk[] | undefined> {
  const { size } = await blob.stat();
  if (size < frameHeaderBytes + footerBytes) return undefined;
  const footer = await readAt(blob, size - footerBytes, footerBytes);
  const count = countOf(footer);
  if (count === undefined || tableBytes(count) > size) return undefined;
  const offset = size - tableBytes(count);
  return parseChunkTable(await readAt(blob, offset, tableBytes(count)), offset);
}

/** By the last bytes of a table; undefined for other bytes. */
function countOf(bytes: Buffer): number | undefined {
  const at = bytes.byteLength - footerBytes;
  const known = bytes.readUInt8(at + 4) === version && bytes.subarray(at + 5).equals(footerMagic);
  const count = bytes.readUInt32LE(at);
  return known && count <= maxChunks ? count : undefined;
}

function tableBytes(count: number): number {
  return frameHeaderBytes + count * entryBytes + footerBytes;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw badTable('was cut short');
  return buffer;
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function badTable(what: string): SyncError {
  return new SyncError('badImage', `The chunk table of a layer ${what}`, {
    hint: 'The layer can be fetched whole; build the image again to have small updates.',
  });
}
