import type { CallOptions } from '../backend/backend.ts';
import { encodeBlob } from '../format/blob-codec.ts';
import { blobIdOf, type BlobId } from '../format/blob-id.ts';
import { PackWriter } from '../format/pack-writer.ts';
import { Sealer } from '../format/sealer.ts';
import { encodeTree } from '../format/tree.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { PackContents, Repository } from '../repository.ts';
import { blobKey } from './blob-key.ts';
import type { Inspection } from './inspect.ts';

const targetBytes = 16 * 1024 * 1024;
const compressionLevel = 3;

/** Writes trees anew without what is lost, sharing those that are the same. */
export class TreeRewriter {
  readonly #repository: Repository;
  readonly #inspection: Inspection;
  readonly #signal: AbortSignal;
  readonly #sealer: Sealer;
  readonly #rewritten = new Map<BlobId, Promise<BlobId>>();
  readonly #added = new Set<BlobId>();
  readonly #packs: PackContents[] = [];
  #writer = new PackWriter();

  constructor(repository: Repository, inspection: Inspection, { signal }: CallOptions) {
    this.#repository = repository;
    this.#inspection = inspection;
    this.#signal = signal;
    this.#sealer = new Sealer(repository.key);
  }

  /** The id of a readable tree without what is lost in and below it; it lies in a pack once `finish` resolved. */
  rewrite(id: BlobId): Promise<BlobId> {
    const known = this.#rewritten.get(id);
    if (known) return known;
    const rewriting = this.#inspection.trees.tainted.has(id) ? this.#rewrite(id) : Promise.resolve(id);
    this.#rewritten.set(id, rewriting);
    return rewriting;
  }

  /** Makes the packs and then an index over them durable. */
  async finish(): Promise<void> {
    await this.#flush();
    if (this.#packs.length > 0) await this.#repository.addIndex(this.#packs, { signal: this.#signal });
  }

  async #rewrite(id: BlobId): Promise<BlobId> {
    const nodes = await this.#inspection.catalog.readTree(id, { signal: this.#signal });
    const left: TreeNode[] = [];
    for (const node of nodes) {
      if (this.#isLost(node)) continue;
      left.push(node.subtree === undefined ? node : { ...node, subtree: await this.rewrite(node.subtree) });
    }
    return this.#add(encodeTree(left));
  }

  #isLost({ subtree, content = [] }: TreeNode): boolean {
    const { catalog, trees } = this.#inspection;
    if (subtree !== undefined) return trees.unreadable.has(subtree);
    return content.some((id) => catalog.problemOf(blobKey({ id, type: 'data' })) !== undefined);
  }

  async #add(plain: Buffer): Promise<BlobId> {
    const id = blobIdOf(plain);
    const isThere = this.#inspection.catalog.problemOf(blobKey({ id, type: 'tree' })) === undefined;
    if (isThere || this.#added.has(id)) return id;
    this.#added.add(id);
    const level = this.#repository.version === 1 ? 0 : compressionLevel;
    this.#writer.add({ id, type: 'tree', ...encodeBlob(this.#sealer, plain, level) });
    if (this.#writer.byteLength >= targetBytes) await this.#flush();
    return id;
  }

  async #flush(): Promise<void> {
    if (this.#writer.blobCount === 0) return;
    const { name, bytes, contents } = this.#writer.finish(this.#sealer);
    this.#writer = new PackWriter();
    await this.#repository.backend.write('data', name, bytes, { signal: this.#signal });
    this.#packs.push(contents);
  }
}
