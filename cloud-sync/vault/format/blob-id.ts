import { hash } from 'node:crypto';

/** SHA-256 of a blob's plain bytes: 64 lower-case hexadecimal digits. Also the form of every file name in a repository. */
export type BlobId = string & { readonly __brand: 'BlobId' };

export type BlobType = 'data' | 'tree';

/** Character by character: a pattern takes ten times as long, and an index has hundreds of thousands. */
export function isBlobId(text: string): text is BlobId {
  if (text.length !== 64) return false;
  for (let at = 0; at < 64; at += 1) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && (code < 0x61 || code > 0x66)) return false;
  }
  return true;
}

export function blobIdOf(bytes: Uint8Array): BlobId {
  return hash('sha256', bytes, 'hex') as BlobId;
}
