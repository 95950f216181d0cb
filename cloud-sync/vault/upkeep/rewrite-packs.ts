import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import type { BlobType } from '../format/blob-id.ts';
import { PackWriter } from '../format/pack-writer.ts';
import { Sealer } from '../format/sealer.ts';
import type { PackContents, PackedBlob, Repository } from '../repository.ts';
import { orUndo } from './no-room.ts';
import { maxPackBytes } from './verify-pack.ts';

export type RewriteOptions = CallOptions & {
  /** After each pack that was read: how many so far. */
  readonly onPack?: (done: number) => void;
};

const targetBytes = 16 * 1024 * 1024;

/**
 * Copies these blobs of these packs into new packs; resolves with the new ones once they are durable. Every blob is verified on its way:
 * one that is damaged rejects with `damaged`, and nothing was removed yet. [G8] Where there is no room for all, none of the new ones stays.
 */
export async function rewritePacks(
  repository: Repository,
  packs: readonly PackContents[],
  { signal, onPack }: RewriteOptions,
): Promise<PackContents[]> {
  const copier = new PackCopier(repository, signal);
  const copy = async () => {
    for (const [place, { pack, blobs }] of packs.entries()) {
      const bytes = await repository.backend.read('data', pack, { signal, maxBytes: maxPackBytes });
      for (const blob of blobs) await copier.copy(pack, blob, bytes);
      onPack?.(place + 1);
    }
    return copier.finish();
  };
  return orUndo(copy, () => removePacks(repository, copier.written, { signal }));
}

/** To be called for packs that no index names. */
export async function removePacks(
  { backend }: Repository,
  packs: readonly PackContents[],
  { signal }: CallOptions,
): Promise<void> {
  for (const { pack } of packs) await backend.remove('data', pack, { signal });
}

/** Reads and verifies these blobs of these packs. Rejects with `damaged` for the first that is not what the index says. [G8] */
export async function verifyBlobs(
  { backend, key }: Repository,
  packs: readonly PackContents[],
  { signal }: CallOptions,
): Promise<void> {
  const sealer = new Sealer(key);
  for (const { pack, blobs } of packs) {
    const bytes = await backend.read('data', pack, { signal, maxBytes: maxPackBytes });
    for (const blob of blobs) verifyBlob(sealer, pack, blob, bytes);
  }
}

function verifyBlob(sealer: Sealer, pack: string, blob: PackedBlob, bytes: Buffer): void {
  try {
    decodeBlob(sealer, bytes.subarray(blob.offset, blob.offset + blob.length), blob);
  } catch (error) {
    if (errorCode(error) !== 'corrupt') throw error;
    const message = `Pack ${pack} has a damaged ${blob.type} blob ${blob.id}: ${errorMessage(error)}`;
    throw new SyncError('damaged', message, {
      hint: 'See what is affected: holdfast vault check --read-data. Then: holdfast vault repair index --read-data.',
      cause: error,
    });
  }
}

class PackCopier {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #sealer: Sealer;
  /** Data and trees never share a pack. */
  readonly #writers: Record<BlobType, PackWriter> = { data: new PackWriter(), tree: new PackWriter() };
  /** Durable so far. */
  readonly written: PackContents[] = [];

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
    this.#sealer = new Sealer(repository.key);
  }

  async copy(pack: string, blob: PackedBlob, bytes: Buffer): Promise<void> {
    const sealed = bytes.subarray(blob.offset, blob.offset + blob.length);
    verifyBlob(this.#sealer, pack, blob, bytes);
    const { id, type, uncompressedLength } = blob;
    const writer = this.#writers[type];
    writer.add({ id, type, sealed, ...(uncompressedLength === undefined ? {} : { uncompressedLength }) });
    if (writer.byteLength >= targetBytes) await this.#flush(type);
  }

  async finish(): Promise<PackContents[]> {
    await this.#flush('tree');
    await this.#flush('data');
    return this.written;
  }

  async #flush(type: BlobType): Promise<void> {
    const writer = this.#writers[type];
    if (writer.blobCount === 0) return;
    const { name, bytes, contents } = writer.finish(this.#sealer);
    this.#writers[type] = new PackWriter();
    await this.#repository.backend.write('data', name, bytes, { signal: this.#signal });
    this.written.push(contents);
  }
}
