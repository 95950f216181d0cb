import type { BlobId, BlobType } from '../format/blob-id.ts';

/** A blob among those of both types: the same bytes may be a file and a tree. */
export type BlobKey = `${BlobType}${BlobId}`;

export function blobKey({ id, type }: { readonly id: BlobId; readonly type: BlobType }): BlobKey {
  return `${type}${id}`;
}

export function blobOfKey(key: BlobKey): { readonly id: BlobId; readonly type: BlobType } {
  return { type: key.slice(0, -64) as BlobType, id: key.slice(-64) as BlobId };
}
