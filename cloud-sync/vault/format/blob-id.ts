import { hash } from 'node:crypto';

/** SHA-256 of a blob's plain bytes: 64 lower-case hexadecimal digits. Also the form of every file name in a repository. */
export type BlobId = string & { readonly __brand: 'BlobId' };

export type BlobType = 'data' | 'tree';

const pattern = /^[0-9a-f]{64}$/;

export function isBlobId(text: string): text is BlobId {
  return pattern.test(text);
}

export function blobIdOf(bytes: Uint8Array): BlobId {
  return hash('sha256', bytes, 'hex') as BlobId;
}
