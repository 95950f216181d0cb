import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import { readPackHeader } from '../format/pack-header.ts';
import type { Sealer } from '../format/sealer.ts';
import { storedName } from '../format/stored-name.ts';
import type { PackedBlob } from '../repository.ts';
import { blobKey, type BlobKey } from './blob-key.ts';

/** More than any restic writes (128 MiB and a header). */
export const maxPackBytes = 512 * 1024 * 1024;

export type PackVerdict = {
  /** What is wrong with the pack; empty when nothing is. */
  readonly problems: readonly string[];
  /** Blobs that the index has in it and that cannot be had from it, with why. */
  readonly damaged: ReadonlyMap<BlobKey, string>;
};

export type PackToVerify = {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the index says lies in it. */
  readonly indexed: readonly PackedBlob[];
};

/** Looks at every byte of a pack: its name, its header, each blob that the header or the index has. Names which blobs are damaged. [G8] */
export function verifyPack(sealer: Sealer, { name, bytes, indexed }: PackToVerify): PackVerdict {
  const problems: string[] = [];
  if (storedName(bytes) !== name) problems.push(`its ${bytes.byteLength} bytes make another name`);
  const header = headerOf(sealer, bytes, problems);
  const damaged = damagedOf(sealer, bytes, indexed);
  if (header) problems.push(...differences(header, indexed));
  const byPlace = new Map(indexed.map((blob) => [blob.offset, blob]));
  const unnamed = (header ?? []).filter((blob) => !isSame(blob, byPlace.get(blob.offset)));
  const count = damaged.size + damagedOf(sealer, bytes, unnamed).size;
  if (count > 0) problems.push(`${count} of its blobs are damaged`);
  return { problems, damaged };
}

function headerOf(sealer: Sealer, bytes: Buffer, problems: string[]): readonly PackedBlob[] | null {
  try {
    return readPackHeader(sealer, bytes, bytes.byteLength);
  } catch (error) {
    if (errorCode(error) !== 'corrupt') throw error;
    problems.push(`its header is damaged: ${errorMessage(error)}`);
    return null;
  }
}

function damagedOf(sealer: Sealer, bytes: Buffer, blobs: readonly PackedBlob[]): Map<BlobKey, string> {
  const damaged = new Map<BlobKey, string>();
  for (const blob of blobs) {
    const sealed = bytes.subarray(blob.offset, blob.offset + blob.length);
    try {
      decodeBlob(sealer, sealed, blob);
    } catch (error) {
      if (errorCode(error) !== 'corrupt') throw error;
      damaged.set(blobKey(blob), errorMessage(error));
    }
  }
  return damaged;
}

/** An index that has something else than the header would lead a reader to wrong bytes, which it then refuses. */
function differences(header: readonly PackedBlob[], indexed: readonly PackedBlob[]): string[] {
  const byPlace = new Map(header.map((blob) => [blob.offset, blob]));
  const wrong = indexed.filter((blob) => !isSame(blob, byPlace.get(blob.offset)));
  return wrong.length === 0 ? [] : [`the index has ${wrong.length} blobs in it that its header has not`];
}

function isSame(one: PackedBlob, other: PackedBlob | undefined): boolean {
  return (
    one.id === other?.id &&
    one.type === other.type &&
    one.offset === other.offset &&
    one.length === other.length &&
    one.uncompressedLength === other.uncompressedLength
  );
}
