import { blobIdOf, type BlobId } from '../format/blob-id.ts';
import { storedForm } from '../format/blob-codec.ts';
import { PackWriter } from '../format/pack-writer.ts';
import { Sealer } from '../format/sealer.ts';
import type { EncodedNode } from '../format/encoded-node.ts';
import { encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { MasterKey } from '../format/master-key.ts';
import { releaseBytes } from '../release-bytes.ts';
import type { BlobIndex } from '../repository.ts';
import type { PackUploads } from './pack-uploads.ts';
import { packCapacityBytes, packTargetBytes } from './snapshot-limits.ts';

export type TreeStoreOptions = {
  readonly key: MasterKey;
  readonly uploads: Pick<PackUploads, 'write'>;
  readonly level: number;
  /** Asked when there is something to add. */
  readonly index: () => Promise<Pick<BlobIndex, 'has'>>;
};

/** Stores the trees of a snapshot that are not in the repository yet. */
export class TreeStore {
  readonly #options: TreeStoreOptions;
  readonly #sealer: Sealer;
  readonly #stored = new Set<BlobId>();
  #pack: PackWriter | undefined;

  constructor(options: TreeStoreOptions) {
    this.#options = options;
    this.#sealer = new Sealer(options.key);
  }

  /** Resolves at once, but when a pack is full: then once that is durable. */
  async add(nodes: readonly (TreeNode | EncodedNode)[]): Promise<BlobId> {
    return await this.addPlain(encodeTree(nodes));
  }

  /** As `add`; of what `encodeTree` makes. */
  async addPlain(plain: Buffer): Promise<BlobId> {
    const { index, level } = this.#options;
    const id = blobIdOf(plain);
    if (this.#stored.has(id) || (await index()).has(id, 'tree')) return id;
    this.#stored.add(id);
    // Need not be memory for the disk itself: what goes by the system's stays there, and the next snapshot reads trees.
    this.#pack ??= new PackWriter({ memory: Buffer.allocUnsafeSlow(packCapacityBytes) });
    this.#pack.seal({ type: 'tree', id, ...storedForm(plain, level) }, this.#sealer);
    releaseBytes(plain);
    if (this.#pack.byteLength >= packTargetBytes) await this.finish();
    return id;
  }

  /** Resolves once all trees are durable. */
  async finish(): Promise<void> {
    const pack = this.#pack;
    this.#pack = undefined;
    if (pack === undefined) return;
    const finished = pack.finish(this.#sealer);
    await this.#options.uploads.write(finished);
    releaseBytes(new Uint8Array(finished.bytes.buffer));
  }
}
