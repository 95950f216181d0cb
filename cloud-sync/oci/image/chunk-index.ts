import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Digest } from '../../../lib/digest.ts';
import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import { readChunkTable, type LayerChunk } from '../layer/chunk-table.ts';
import type { OciLayout } from '../oci-layout.ts';

/** What is looked through, the newest blobs first: layers of the version before are among them. */
const limits = { blobs: 512, chunks: 200_000, smallestBlobBytes: 4096 };

/** A frame in a blob that is here. */
export type LocalFrame = { readonly blob: Digest; readonly position: number };

/** The chunks of the layers that are here, by hash. What is read from it is not verified. */
export class ChunkIndex implements AsyncDisposable {
  readonly #layout: OciLayout;
  readonly #frames = new Map<string, LocalFrame>();
  readonly #files = new Map<Digest, FileHandle>();

  private constructor(layout: OciLayout) {
    this.#layout = layout;
  }

  static async open(layout: OciLayout): Promise<ChunkIndex> {
    const index = new ChunkIndex(layout);
    for (const blob of await newestBlobs(layout)) {
      if (index.#frames.size >= limits.chunks) break;
      index.#add(blob, await chunksOf(layout.path(blob)));
    }
    return index;
  }

  get isEmpty(): boolean {
    return this.#frames.size === 0;
  }

  find(hash: string): LocalFrame | undefined {
    return this.#frames.get(hash);
  }

  /** Undefined when the blob is gone or shorter than it was. */
  async read({ blob, position }: LocalFrame, bytes: number): Promise<Buffer | undefined> {
    try {
      const file = this.#files.get(blob) ?? (await open(this.#layout.path(blob), 'r'));
      this.#files.set(blob, file);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(bytes), 0, bytes, position);
      return bytesRead === bytes ? buffer : undefined;
    } catch (error) {
      if (errorCode(error) === 'ENOENT' || errorCode(error) === 'EIO') return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#files.values()) await file.close();
  }

  #add(blob: Digest, chunks: readonly LayerChunk[]): void {
    for (const { hash, offset } of chunks) {
      if (!this.#frames.has(hash)) this.#frames.set(hash, { blob, position: offset });
    }
  }
}

async function newestBlobs(layout: OciLayout): Promise<Digest[]> {
  const found: { readonly digest: Digest; readonly mtimeMs: number }[] = [];
  for (const digest of await layout.digests()) {
    const file = await stat(layout.path(digest)).catch(() => undefined);
    if (file && file.size >= limits.smallestBlobBytes) found.push({ digest, mtimeMs: file.mtimeMs });
  }
  return found
    .toSorted((a, b) => b.mtimeMs - a.mtimeMs)
    .slice(0, limits.blobs)
    .map(({ digest }) => digest);
}

/** None for other blobs, and for layers whose table is damaged. */
async function chunksOf(path: string): Promise<readonly LayerChunk[]> {
  try {
    await using file = await open(path, 'r');
    return (await readChunkTable(file)) ?? [];
  } catch (error) {
    if (error instanceof SyncError || ['ENOENT', 'EIO'].includes(errorCode(error) ?? '')) return [];
    throw error;
  }
}
