import { setTimeout as sleep } from 'node:timers/promises';
import { openMemoryTrim } from '../../../lib/spare-memory.ts';
import { TokenBucket } from '../../../lib/token-bucket.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { PackContents, Repository } from '../repository.ts';
import type { RepositoryLock } from '../upkeep/locks.ts';
import type { FinishedPack } from './blob-packer.ts';
import { blobsPerIndex, packsPerIndex, trimBytes } from './snapshot-limits.ts';

export type PackUploadsOptions = {
  readonly repository: Pick<Repository, 'backend' | 'addIndex'>;
  readonly bytesPerSecond?: number | undefined;
  readonly signal: AbortSignal;
};

/** Writes packs, and an index over those that are durable: at the end, and now and then before it. */
export class PackUploads {
  readonly #options: PackUploadsOptions;
  readonly #bucket: TokenBucket | undefined;
  readonly #trimMemory = openMemoryTrim();
  #untrimmedBytes = 0;
  /** Durable, and no index file that names them was begun. */
  #notIndexed: PackContents[] = [];
  /** Durable, and index files that name them were begun: those may be there. */
  readonly #indexing = new Set<readonly PackContents[]>();
  readonly #writing = new Set<Promise<void>>();
  readonly #indexFiles: string[] = [];
  #newBytes = 0;
  #storedBytes = 0;

  constructor(options: PackUploadsOptions) {
    this.#options = options;
    const { bytesPerSecond } = options;
    if (bytesPerSecond !== undefined) this.#bucket = new TokenBucket({ count: bytesPerSecond, perMs: 1_000 });
  }

  /** Plain bytes of the blobs in packs that are durable, and what those take. */
  get bytes(): { readonly newBytes: number; readonly storedBytes: number } {
    return { newBytes: this.#newBytes, storedBytes: this.#storedBytes };
  }

  /** Names of the index files written. */
  get indexFiles(): readonly string[] {
    return this.#indexFiles;
  }

  /** Resolves once they are durable. With a rate set, not before its share of time has passed. */
  async write(pack: FinishedPack): Promise<void> {
    const writing = this.#write(pack);
    this.#writing.add(writing);
    try {
      await writing;
    } finally {
      this.#writing.delete(writing);
    }
  }

  /** Takes packs away that nothing names, after all has failed: their room is wanted. To be called when nothing more is written. */
  async discard({ lock, signal }: CallOptions & { lock: Pick<RepositoryLock, 'assertHeld'> }): Promise<void> {
    await Promise.allSettled(this.#writing);
    for (const { pack } of this.#notIndexed) {
      // Without it others may have given them an index, and need them.
      lock.assertHeld();
      await this.#options.repository.backend.remove('data', pack, { signal });
    }
    this.#notIndexed = [];
  }

  /** Has an index name what is durable, after all was ended: the next snapshot need not store it again. To be called as `discard`. */
  async keep({ lock, signal }: CallOptions & { lock: Pick<RepositoryLock, 'assertHeld'> }): Promise<void> {
    await Promise.allSettled(this.#writing);
    // Without it others may have removed them.
    lock.assertHeld();
    // Also what was aborted in the middle of that: to be named by two index files does no harm.
    this.#notIndexed.push(...[...this.#indexing].flat());
    await this.writeIndex({ signal });
  }

  async #write({ contents, bytes }: FinishedPack): Promise<void> {
    const { repository, signal } = this.#options;
    signal.throwIfAborted();
    this.#bucket?.spend(bytes.byteLength);
    const byteLength = bytes.byteLength;
    await repository.backend.write('data', contents.pack, bytes, { signal });
    this.#trimAfter(byteLength);
    this.#newBytes += contents.blobs.reduce((sum, blob) => sum + (blob.uncompressedLength ?? blob.length), 0);
    this.#storedBytes += byteLength;
    this.#notIndexed.push(contents);
    if (this.#isIndexDue()) await this.writeIndex();
    const waitMs = this.#bucket?.waitMs() ?? 0;
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }

  #isIndexDue(): boolean {
    const blobs = this.#notIndexed.reduce((count, { blobs }) => count + blobs.length, 0);
    return this.#notIndexed.length >= packsPerIndex || blobs >= blobsPerIndex;
  }

  #trimAfter(byteLength: number): void {
    this.#untrimmedBytes += byteLength;
    if (this.#untrimmedBytes < trimBytes) return;
    this.#untrimmedBytes = 0;
    this.#trimMemory();
  }

  /** Everything it names is durable: packs, then their index, then whatever names what is in the index. [G1] */
  async writeIndex({ signal }: CallOptions = this.#options): Promise<void> {
    const { repository } = this.#options;
    const packs = this.#notIndexed;
    this.#notIndexed = [];
    if (packs.length === 0) return;
    this.#indexing.add(packs);
    this.#trimMemory();
    this.#indexFiles.push(...(await repository.addIndex(packs, { signal })));
    this.#indexing.delete(packs);
  }
}
