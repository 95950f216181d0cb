import type { BlobId } from '../format/blob-id.ts';
import type { ExtendedAttribute } from '../format/tree-node.ts';
import type { RestoreProblem } from './restore-problem.ts';

/** What an entry has beside its content. Crosses to threads. */
export type Attributes = {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly extended: readonly ExtendedAttribute[];
};

/** A blob of files: where it lies, and how many plain bytes it has. One object a blob, shared by all files with it. */
export type Chunk = {
  readonly id: BlobId;
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly uncompressedLength: number | undefined;
  readonly plainBytes: number;
};

/** Paths are relative to the target, text as in `TreeNode.name`. */
export type StagedFolder = { readonly path: string; readonly attributes: Attributes };

export type StagedFile = {
  readonly path: string;
  readonly attributes: Attributes;
  readonly chunks: readonly Chunk[];
  /** Of all chunks. */
  readonly bytes: number;
};

/** What has no content to be read: a symlink, fifo or device. */
export type StagedNode = {
  readonly path: string;
  readonly attributes: Attributes;
  readonly type: 'symlink' | 'fifo' | 'dev' | 'chardev';
  readonly linkTarget: string;
  readonly device: number;
};

/** A further name of a file or node that has one already. */
export type StagedLink = {
  readonly path: string;
  readonly of: string;
  /** Index of that file in `files`; undefined for a node. */
  readonly file: number | undefined;
};

/** All that a restore will make. */
export type StagedTree = {
  /** Those above before those below. */
  readonly folders: readonly StagedFolder[];
  readonly files: readonly StagedFile[];
  readonly nodes: readonly StagedNode[];
  readonly links: readonly StagedLink[];
  /** What the repository cannot give back. */
  readonly problems: readonly RestoreProblem[];
  /** Of all files. */
  readonly bytes: number;
};
