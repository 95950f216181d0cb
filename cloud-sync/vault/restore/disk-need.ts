import { createHash } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { diskFull } from '../../oci/disk-errors.ts';
import type { Chunk, StagedTree } from './staged-tree.ts';

const blockBytes = 4_096;
/** Zeros compress to less than one byte in this many. */
const minZeroRatio = 100;

/** What the tree takes on a disk with blocks of 4 KiB; zeros nothing when they become holes. */
export function diskNeedBytes({ files, folders, nodes }: StagedTree, sparse: boolean): number {
  const zeros = new ZeroChunks();
  const blocks = (bytes: number) => Math.ceil(bytes / blockBytes) * blockBytes;
  const written = (chunk: Chunk) => (sparse && zeros.has(chunk) ? 0 : chunk.plainBytes);
  const ofFiles = files.reduce(
    (sum, { chunks }) => sum + blocks(chunks.reduce((bytes, chunk) => bytes + written(chunk), 0)),
    0,
  );
  return ofFiles + blockBytes * (folders.length + nodes.length);
}

/** Rejects with `diskFull` and both figures when `needed` bytes do not fit where `folder` is. */
export async function requireSpace(folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= needed) return;
  throw diskFull(`The restore needs ${needed} bytes, and ${folder} has ${free} bytes free`);
}

/** What this process may still write there. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Knows blobs of nothing but zeros by their ids, without reading them. */
class ZeroChunks {
  readonly #idsByLength = new Map<number, string>();

  has({ id, length, plainBytes }: Chunk): boolean {
    if (plainBytes < length * minZeroRatio) return false;
    let zeroId = this.#idsByLength.get(plainBytes);
    if (zeroId === undefined) {
      zeroId = createHash('sha256').update(Buffer.alloc(plainBytes)).digest('hex');
      this.#idsByLength.set(plainBytes, zeroId);
    }
    return zeroId === id;
  }
}
