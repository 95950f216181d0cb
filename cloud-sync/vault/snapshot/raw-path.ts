import { bytesOfName } from '../format/name-bytes.ts';

/** A path whose odd bytes stand as lone surrogates (PEP 383), as node's file system takes it: text where that says the same. */
export function rawPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : bytesOfName(path);
}
