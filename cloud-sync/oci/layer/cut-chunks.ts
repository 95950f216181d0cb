import { hkdfSync } from 'node:crypto';
import { Chunker, type ChunkLengths } from '../../vault/chunker/find-cut.ts';
import { gearBytes, gearOfBytes } from '../../vault/chunker/gear.ts';
import type { TarPiece } from './write-tar.ts';

/**
 * The same everywhere, or equal trees would make unequal layers. What a layer holds is no secret. Of a tree of programs in which 2 % of
 * the bytes change in places, 5 % is to be fetched; twice the lengths make layers 4 % smaller and that share 7 %.
 */
const gear = gearOfBytes(hkdfSync('sha256', 'holdfast', '', 'layer chunker 1', gearBytes));
const lengths: ChunkLengths = {
  minBytes: 8 * 1024,
  averageBytes: 32 * 1024,
  maxBytes: 128 * 1024,
};
/** Room for pieces behind the longest chunk. */
const windowBytes = 8 * lengths.maxBytes;

/** Cuts an archive where its content says, and around large files. Each chunk's bytes are its own. */
export function* cutChunks(pieces: Iterable<TarPiece>): Generator<Buffer> {
  const chunker = new Chunker(gear, { windowBytes, lengths });
  const { window } = chunker;
  let start = 0;
  let end = 0;
  const take = function* (least: number): Generator<Buffer> {
    while (end - start > least) {
      const cut = chunker.findCut(start, end);
      yield Buffer.from(window.subarray(start, cut));
      start = cut;
    }
    window.copyWithin(0, start, end);
    [start, end] = [0, end - start];
  };
  for (const { bytes, apart } of pieces) {
    if (apart) yield* take(0);
    for (let from = 0; from < bytes.byteLength;) {
      const count = Math.min(bytes.byteLength - from, windowBytes - end);
      window.set(bytes.subarray(from, from + count), end);
      from += count;
      end += count;
      if (end === windowBytes) yield* take(lengths.maxBytes);
    }
  }
  yield* take(0);
}
