import { errorCode, errorMessage } from '../../../lib/error-code.ts';
import type { CallOptions } from '../backend/backend.ts';
import type { BlobId } from '../format/blob-id.ts';
import type { TreeNode } from '../format/tree-node.ts';
import type { BlobCatalog } from './blob-catalog.ts';
import { blobKey } from './blob-key.ts';
import { subtreesOf, visitTrees } from './used-blobs.ts';

type TreeFacts = {
  readonly folders: readonly { readonly name: string; readonly tree: BlobId }[];
  /** Files that lack a blob: the first that they lack, and why. */
  readonly lost: readonly { readonly name: string; readonly id: BlobId; readonly message: string }[];
};

export type TreeInspection = {
  readonly facts: ReadonlyMap<BlobId, TreeFacts>;
  /** Trees that cannot be read, with why. */
  readonly unreadable: ReadonlyMap<BlobId, string>;
  /** Those from which something that is lost can be reached, the unreadable ones too. */
  readonly tainted: ReadonlySet<BlobId>;
};

/** Reads every tree that can be reached from the roots, once, and finds what they name that cannot be had. */
export async function inspectTrees(
  catalog: BlobCatalog,
  roots: readonly BlobId[],
  { signal, onTree }: CallOptions & { readonly onTree?: (count: number) => void },
): Promise<TreeInspection> {
  const facts = new Map<BlobId, TreeFacts>();
  const unreadable = new Map<BlobId, string>();
  await visitTrees(roots, async (id) => {
    try {
      const nodes = await catalog.readTree(id, { signal });
      facts.set(id, factsOf(nodes, catalog));
      onTree?.(facts.size);
      return subtreesOf(nodes);
    } catch (error) {
      if (errorCode(error) !== 'corrupt' && errorCode(error) !== 'notFound') throw error;
      unreadable.set(id, errorMessage(error));
      return [];
    }
  });
  return { facts, unreadable, tainted: taintedBy(facts, unreadable) };
}

function factsOf(nodes: readonly TreeNode[], catalog: BlobCatalog): TreeFacts {
  const problemOf = (id: BlobId) => catalog.problemOf(blobKey({ id, type: 'data' }));
  return {
    folders: nodes.flatMap(({ name, subtree }) => (subtree === undefined ? [] : [{ name, tree: subtree }])),
    lost: nodes.flatMap(({ name, content = [] }) => {
      const id = content.find((blob) => problemOf(blob) !== undefined);
      return id === undefined ? [] : [{ name, id, message: problemOf(id) ?? '' }];
    }),
  };
}

function taintedBy(
  facts: ReadonlyMap<BlobId, TreeFacts>,
  unreadable: ReadonlyMap<BlobId, string>,
): Set<BlobId> {
  const parents = new Map<BlobId, BlobId[]>();
  for (const [id, { folders }] of facts) {
    for (const { tree } of folders) {
      const known = parents.get(tree);
      if (known) known.push(id);
      else parents.set(tree, [id]);
    }
  }
  const tainted = new Set(unreadable.keys());
  for (const [id, { lost }] of facts) if (lost.length > 0) tainted.add(id);
  // A set that is iterated goes on to what is added meanwhile.
  for (const id of tainted) for (const parent of parents.get(id) ?? []) tainted.add(parent);
  return tainted;
}
