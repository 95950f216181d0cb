import { errorCode } from '../../../lib/error-code.ts';
import { SyncError } from '../../errors.ts';
import type { CallOptions } from '../backend/backend.ts';
import { decodeBlob } from '../format/blob-codec.ts';
import type { BlobId } from '../format/blob-id.ts';
import { Sealer } from '../format/sealer.ts';
import { decodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { PackedBlob, Repository } from '../repository.ts';
import { blobKey, type BlobKey } from './blob-key.ts';
import type { PackDamage } from './inspect-packs.ts';
import type { Survey } from './survey.ts';

type Place = PackedBlob & { readonly pack: string };

/** Which blobs can be had, after what was found out about the packs. */
export class BlobCatalog {
  readonly #repository: Repository;
  readonly #sealer: Sealer;
  readonly #good = new Set<BlobKey>();
  /** Why not: of those that no pack has whole. */
  readonly #lost = new Map<BlobKey, string>();
  readonly #trees = new Map<BlobId, Place[]>();

  constructor(repository: Repository, survey: Survey, damages: readonly PackDamage[]) {
    this.#repository = repository;
    this.#sealer = new Sealer(repository.key);
    const byPack = new Map(damages.map(({ pack, damaged }) => [pack, damaged]));
    for (const [pack, blobs] of survey.packs) {
      for (const blob of blobs) this.#add(pack, blob, byPack.get(pack)?.get(blobKey(blob)));
    }
    for (const key of this.#good) this.#lost.delete(key);
  }

  /** Blobs that the index has, and no pack. */
  get lost(): ReadonlyMap<BlobKey, string> {
    return this.#lost;
  }

  get blobCount(): number {
    return this.#good.size + this.#lost.size;
  }

  /** Why a blob cannot be had; undefined when it can, as far as anyone looked. */
  problemOf(key: BlobKey): string | undefined {
    return this.#good.has(key) ? undefined : (this.#lost.get(key) ?? 'no index file names it');
  }

  /** Rejects with `corrupt` or `notFound` when no pack gives it whole. [G8] */
  async readTree(id: BlobId, { signal }: CallOptions): Promise<readonly TreeNode[]> {
    let failure: unknown = new SyncError('notFound', `No whole pack has tree ${id}`);
    for (const place of this.#trees.get(id) ?? []) {
      try {
        return await this.#readAt(place, signal);
      } catch (error) {
        if (errorCode(error) !== 'corrupt' && errorCode(error) !== 'notFound') throw error;
        failure = error;
      }
    }
    throw failure;
  }

  #add(pack: string, blob: PackedBlob, problem: string | undefined): void {
    const key = blobKey(blob);
    if (problem !== undefined) this.#lost.set(key, problem);
    else this.#good.add(key);
    if (blob.type === 'tree' && problem === undefined) {
      this.#trees.set(blob.id, [...(this.#trees.get(blob.id) ?? []), { ...blob, pack }]);
    }
  }

  async #readAt(place: Place, signal: AbortSignal): Promise<readonly TreeNode[]> {
    const { pack, offset, length } = place;
    const sealed = await this.#repository.backend.read('data', pack, { signal, range: { offset, length } });
    return decodeTree(decodeBlob(this.#sealer, sealed, place));
  }
}
