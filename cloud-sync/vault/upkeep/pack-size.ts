import { headerBytes, headerEntryBytes } from '../format/pack-header.ts';
import type { PackedBlob } from '../repository.ts';

/** What a pack that holds just these blobs takes in the store. */
export function packBytesOf(blobs: readonly PackedBlob[]): number {
  const sum = (bytesOf: (blob: PackedBlob) => number) =>
    blobs.reduce((total, blob) => total + bytesOf(blob), 0);
  return sum(({ length }) => length) + headerBytes(sum(headerEntryBytes));
}
