import { SyncError } from '../../errors.ts';
import type { PackedBlob } from '../repository.ts';
import type { BlobId, BlobType } from './blob-id.ts';
import { sealOverheadBytes, type Sealer } from './sealer.ts';

/** Of the field at the very end of a pack that says how long the sealed header before it is. */
const lengthBytes = 4;
/** Of an entry: type, length of the sealed blob, id; of a compressed one with the plain length too. */
const plainEntryBytes = 1 + 4 + 32;
const compressedEntryBytes = 1 + 4 + 4 + 32;
/** As restic has it: about 400,000 blobs. */
const maxHeaderBytes = 16 * 1024 * 1024;

const typeCodes: Record<BlobType, number> = { data: 0, tree: 1 };
const compressedBit = 2;

export type HeaderEntry = Omit<PackedBlob, 'offset'>;

export function headerEntryBytes({ uncompressedLength }: Pick<HeaderEntry, 'uncompressedLength'>): number {
  return uncompressedLength === undefined ? plainEntryBytes : compressedEntryBytes;
}

/** What the sealed header and its length field take at the end of a pack. */
export function headerBytes(entriesBytes: number): number {
  return entriesBytes + sealOverheadBytes + lengthBytes;
}

/** The end of a pack, behind its blobs, which are given in order. */
export function encodePackHeader(sealer: Sealer, entries: readonly HeaderEntry[]): Buffer {
  const plain = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + headerEntryBytes(entry), 0));
  let at = 0;
  for (const { type, length, uncompressedLength, id } of entries) {
    const compressed = uncompressedLength !== undefined;
    at = plain.writeUInt8(typeCodes[type] + (compressed ? compressedBit : 0), at);
    at = plain.writeUInt32LE(length, at);
    if (compressed) at = plain.writeUInt32LE(uncompressedLength, at);
    at += plain.write(id, at, 'hex');
  }
  const sealed = sealer.seal(plain);
  const length = Buffer.allocUnsafe(lengthBytes);
  length.writeUInt32LE(sealed.byteLength);
  return Buffer.concat([sealed, length]);
}

/**
 * How many bytes at the end of a pack of `packBytes` its header takes, as the last four of `tail` say: so many are what `readPackHeader`
 * needs. Rejects with `corrupt` what cannot be.
 */
export function packHeaderBytes(tail: Uint8Array, packBytes: number): number {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.byteLength);
  if (packBytes < headerBytes(plainEntryBytes) || bytes.byteLength < lengthBytes) {
    throw new SyncError('corrupt', `A pack of ${packBytes} bytes is too short to have a header`);
  }
  const length = bytes.readUInt32LE(bytes.byteLength - lengthBytes);
  if (length < headerBytes(plainEntryBytes) - lengthBytes || length > maxHeaderBytes) {
    throw new SyncError('corrupt', `A pack says that its header has ${length} bytes`);
  }
  if (length + lengthBytes > packBytes) {
    throw new SyncError('corrupt', `A pack of ${packBytes} bytes says that its header has ${length}`);
  }
  return length + lengthBytes;
}

/** The blobs of a pack in order. `tail` is its end, at least `packHeaderBytes` of it. Rejects with `corrupt`. [G8] */
export function readPackHeader(sealer: Sealer, tail: Uint8Array, packBytes: number): PackedBlob[] {
  const needed = packHeaderBytes(tail, packBytes);
  if (tail.byteLength < needed) {
    throw new RangeError(`The header of this pack takes ${needed} bytes, ${tail.byteLength} were read`);
  }
  const plain = sealer.open(tail.subarray(tail.byteLength - needed, tail.byteLength - lengthBytes));
  const blobs = readEntries(plain);
  const last = blobs.at(-1);
  const blobsBytes = last === undefined ? 0 : last.offset + last.length;
  if (blobsBytes + needed !== packBytes) {
    throw new SyncError(
      'corrupt',
      `A pack of ${packBytes} bytes lists ${blobsBytes} bytes of blobs and ${needed} of header`,
    );
  }
  return blobs;
}

function readEntries(plain: Buffer): PackedBlob[] {
  const blobs: PackedBlob[] = [];
  let offset = 0;
  for (let at = 0; at < plain.byteLength;) {
    const entry = readEntry(plain, at);
    blobs.push({ ...entry, offset });
    offset += entry.length;
    at += headerEntryBytes(entry);
  }
  return blobs;
}

function readEntry(plain: Buffer, at: number): HeaderEntry {
  const code = plain[at] ?? 0;
  const compressed = (code & compressedBit) !== 0;
  const end = at + (compressed ? compressedEntryBytes : plainEntryBytes);
  if (code > 3) throw new SyncError('corrupt', `The header of a pack names an unknown type of blob: ${code}`);
  if (end > plain.byteLength) throw new SyncError('corrupt', 'The header of a pack ends within an entry');
  const length = plain.readUInt32LE(at + 1);
  if (length < sealOverheadBytes) {
    throw new SyncError('corrupt', `The header of a pack lists a blob of ${length} bytes: none is so short`);
  }
  return {
    id: plain.toString('hex', end - 32, end) as BlobId,
    type: (code & 1) === 1 ? 'tree' : 'data',
    length,
    ...(compressed && { uncompressedLength: plain.readUInt32LE(at + 5) }),
  };
}
