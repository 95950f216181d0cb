import type { CallOptions } from '../backend/backend.ts';
import type { BlobIndex, Repository } from '../repository.ts';
import { findNode, type Place } from './find-node.ts';
import { TreeReader } from './tree-reader.ts';

export type OpenSnapshot = { readonly reader: TreeReader; readonly index: BlobIndex; readonly place: Place };

/**
 * Where `path` leads in a snapshot, and what reads on from there. Rejects with `notFound` for no such snapshot or path. An index file that
 * is damaged takes only what it alone named with it.
 */
export async function openSnapshot(
  repository: Repository,
  { snapshot: id, path = '' }: { readonly snapshot: string; readonly path?: string | undefined },
  { signal }: CallOptions,
): Promise<OpenSnapshot> {
  const { document } = await repository.snapshot(id, { signal });
  const index = await repository.index({ signal, onDamaged: () => undefined });
  const reader = new TreeReader(repository, index, { signal });
  return { reader, index, place: await findNode(reader.read, document.tree, path) };
}
