import type { Chunk } from './staged-tree.ts';

/** A stretch of a pack that is read at once, with the blobs in it by their place. */
export type PackRead = {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
  readonly chunks: readonly Chunk[];
};

/** Bytes that are read at once, unless one blob is larger. Memory is this times the reads under way. */
const maxReadBytes = 2 * 2 ** 20;
/** What nobody needs between two blobs is read along up to here: cheaper than to ask once more. */
const maxGapBytes = 64 * 2 ** 10;

/** Reads each needed stretch of each pack once: packs in the order of their first use, each from its beginning to its end. */
export function planReads(chunks: Iterable<Chunk>): PackRead[] {
  const packs = new Map<string, Chunk[]>();
  for (const chunk of chunks) {
    const inPack = packs.get(chunk.pack);
    if (inPack === undefined) packs.set(chunk.pack, [chunk]);
    else inPack.push(chunk);
  }
  return [...packs.values()].flatMap((inPack) => readsOf(inPack.sort((a, b) => a.offset - b.offset)));
}

function readsOf(chunks: readonly Chunk[]): PackRead[] {
  const reads: Chunk[][] = [];
  let begin = 0;
  let end = -Infinity;
  for (const chunk of chunks) {
    const chunkEnd = chunk.offset + chunk.length;
    if (chunk.offset - end <= maxGapBytes && chunkEnd - begin <= maxReadBytes) reads.at(-1)?.push(chunk);
    else {
      reads.push([chunk]);
      begin = chunk.offset;
      end = chunkEnd;
    }
    end = Math.max(end, chunkEnd);
  }
  return reads.map(readOf);
}

function readOf(chunks: readonly Chunk[]): PackRead {
  const [first] = chunks as [Chunk];
  const end = chunks.reduce((last, { offset, length }) => Math.max(last, offset + length), 0);
  return { pack: first.pack, offset: first.offset, length: end - first.offset, chunks };
}
