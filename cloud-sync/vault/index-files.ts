import type { PackContents } from './repository.ts';

/** Of an index file's JSON, at most; sealed it is about half. */
const maxBytes = 8 * 1024 * 1024;
const packBytes = 90;
/** id, type, offset, length and plain length with their keys. */
const blobBytes = 175;

/** Packs by the index file that they go into: each below 8 MiB, but that a pack is never split. */
export function* intoIndexFiles(packs: readonly PackContents[]): Generator<PackContents[], undefined> {
  let file: PackContents[] = [];
  let bytes = 0;
  for (const pack of packs) {
    const more = packBytes + pack.blobs.length * blobBytes;
    if (file.length > 0 && bytes + more > maxBytes) {
      yield file;
      [file, bytes] = [[], 0];
    }
    file.push(pack);
    bytes += more;
  }
  if (file.length > 0) yield file;
}
