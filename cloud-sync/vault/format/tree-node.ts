import type { BlobId } from './blob-id.ts';

export type NodeType = 'file' | 'dir' | 'symlink' | 'dev' | 'chardev' | 'fifo' | 'socket';

export type ExtendedAttribute = { readonly name: string; readonly value: Uint8Array };

/**
 * One entry of a folder in a snapshot. Names and link targets are text in which a byte that is no UTF-8 stands as the lone surrogate
 * U+DC80 to U+DCFF (PEP 383, "surrogateescape"): see `name-bytes.ts`.
 */
export type TreeNode = {
  readonly name: string;
  readonly type: NodeType;
  /** Permission bits with set-user-id, set-group-id and sticky, as in `st_mode & 0o7777`. */
  readonly mode: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly atimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly uid: number;
  readonly gid: number;
  /** '' where there is no such name. */
  readonly user: string;
  readonly group: string;
  readonly inode: number;
  readonly deviceId: number;
  /** Hard links to it. */
  readonly links: number;
  /** Bytes of a file; 0 for the others. */
  readonly size: number;
  /** Of a symlink. */
  readonly linkTarget?: string;
  /** `st_rdev` of a device. */
  readonly device?: number;
  readonly extendedAttributes?: readonly ExtendedAttribute[];
  /** Of a file: its blobs in order. */
  readonly content?: readonly BlobId[];
  /** Of a folder: the blob with its entries. */
  readonly subtree?: BlobId;
};
