import { encodeBlob } from '../../cloud-sync/vault/format/blob-codec.ts';
import { blobIdOf, type BlobId, type BlobType } from '../../cloud-sync/vault/format/blob-id.ts';
import { PackWriter } from '../../cloud-sync/vault/format/pack-writer.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';
import { encodeTree } from '../../cloud-sync/vault/format/tree.ts';
import type { TreeNode } from '../../cloud-sync/vault/format/tree-node.ts';
import type { PackContents, Repository } from '../../cloud-sync/vault/repository.ts';

/** A folder by its names; text is the content of a file, a list the content of one that is cut into these blobs. */
export type Folder = { readonly [name: string]: string | readonly string[] | Folder };

export type FillOptions = {
  /** RFC 3339. */
  readonly time?: string;
  readonly path?: string;
  readonly hostname?: string;
  /** Blobs in a pack, at most; default 4. */
  readonly packBlobs?: number;
};

const { signal } = new AbortController();

/** Writes a snapshot of what a test invents; its id. Blobs that the repository has are not written again. */
export async function fillRepository(
  repository: Repository,
  folder: Folder,
  { time = '2026-11-21T12:00:00Z', path = '/data', hostname = 'pump', packBlobs = 4 }: FillOptions = {},
): Promise<string> {
  const filler = new Filler(repository, packBlobs);
  const tree = await filler.addFolder(folder);
  await filler.finish();
  const who = { hostname, username: 'root', uid: 0, gid: 0 };
  return repository.addSnapshot({ time, tree, paths: [path], tags: [], excludes: [], ...who }, { signal });
}

class Filler {
  readonly #repository: Repository;
  readonly #packBlobs: number;
  readonly #sealer: Sealer;
  readonly #writers = { data: smallPack(), tree: smallPack() };
  readonly #added = new Set<string>();
  readonly #packs: PackContents[] = [];

  constructor(repository: Repository, packBlobs: number) {
    this.#repository = repository;
    this.#packBlobs = packBlobs;
    this.#sealer = new Sealer(repository.key);
  }

  async addFolder(folder: Folder): Promise<BlobId> {
    const nodes: TreeNode[] = [];
    for (const [name, entry] of Object.entries(folder)) {
      if (typeof entry === 'string' || Array.isArray(entry)) {
        const pieces = [entry].flat() as string[];
        const content: BlobId[] = [];
        for (const piece of pieces) content.push(await this.#add('data', Buffer.from(piece)));
        nodes.push({ ...node(name, 'file'), size: Buffer.byteLength(pieces.join('')), content });
      } else {
        nodes.push({ ...node(name, 'dir'), subtree: await this.addFolder(entry as Folder) });
      }
    }
    return this.#add('tree', encodeTree(nodes));
  }

  async finish(): Promise<void> {
    for (const type of ['data', 'tree'] as const) await this.#flush(type);
    await this.#repository.addIndex(this.#packs, { signal });
  }

  async #add(type: BlobType, plain: Buffer): Promise<BlobId> {
    const id = blobIdOf(plain);
    const index = await this.#repository.index({ signal });
    if (index.has(id, type) || this.#added.has(type + id)) return id;
    this.#added.add(type + id);
    this.#writers[type].add({ id, type, ...encodeBlob(this.#sealer, plain, 3) });
    if (this.#writers[type].blobCount >= this.#packBlobs) await this.#flush(type);
    return id;
  }

  async #flush(type: BlobType): Promise<void> {
    const writer = this.#writers[type];
    if (writer.blobCount === 0) return;
    const { name, bytes, contents } = writer.finish(this.#sealer);
    this.#writers[type] = smallPack();
    await this.#repository.backend.write('data', name, bytes, { signal });
    this.#packs.push(contents);
  }
}

function smallPack(): PackWriter {
  return new PackWriter({ memory: Buffer.allocUnsafeSlow(4_096) });
}

function node(name: string, type: 'file' | 'dir'): TreeNode {
  const time = 1_700_000_000_000_000_000n;
  return {
    ...{ name, type, mode: type === 'dir' ? 0o755 : 0o644, mtimeNs: time, atimeNs: time, ctimeNs: time },
    ...{ uid: 0, gid: 0, user: '', group: '', inode: 1, deviceId: 1, links: 1, size: 0 },
  };
}
