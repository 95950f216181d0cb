import type { LayerChunk } from '../layer/chunk-table.ts';

/** Consecutive chunks of a layer that are had in one read. */
export type Piece<Place> = {
  /** Where the first of them is here; undefined when they are to be fetched. */
  readonly place: Place | undefined;
  readonly chunks: readonly LayerChunk[];
  readonly offset: number;
  readonly bytes: number;
};

export type PlanOptions<Place> = {
  readonly find: (chunk: LayerChunk) => Place | undefined;
  /** Whether the bytes at `next` lie right behind `bytes` bytes from `first`. */
  readonly follows: (first: Place, bytes: number, next: Place) => boolean;
};

export const pieceLimits = {
  /** A gap of what is here between parts that are fetched: to ask twice would cost more. */
  mergedGapBytes: 16 * 2 ** 10,
  /** Bytes of a piece, unless one chunk is longer. */
  pieceBytes: 2 ** 20,
};

type Growing<Place> = { place: Place | undefined; chunks: LayerChunk[]; offset: number; bytes: number };

/** How a layer is put together, in order, from what is here and as few ranges of the registry's blob as make sense. */
export function planPieces<Place>(
  chunks: readonly LayerChunk[],
  { find, follows }: PlanOptions<Place>,
): Piece<Place>[] {
  const pieces: Growing<Place>[] = [];
  for (const { place, chunk } of withoutSmallGaps(chunks.map((one) => ({ place: find(one), chunk: one })))) {
    const last = pieces.at(-1);
    const fits = last && last.bytes + chunk.frameBytes <= pieceLimits.pieceBytes;
    if (fits && continues(last, place, follows)) {
      last.chunks.push(chunk);
      last.bytes += chunk.frameBytes;
    } else {
      pieces.push({ place, chunks: [chunk], offset: chunk.offset, bytes: chunk.frameBytes });
    }
  }
  return pieces;
}

type Placed<Place> = { readonly place: Place | undefined; readonly chunk: LayerChunk };

/** Parts that are here, but small and between two that are fetched, are fetched with them. */
function* withoutSmallGaps<Place>(placed: readonly Placed<Place>[]): Generator<Placed<Place>> {
  let gap: Placed<Place>[] = [];
  let isAfterFetched = false;
  for (const one of placed) {
    if (one.place !== undefined) {
      gap.push(one);
      continue;
    }
    const isMerged = isAfterFetched && isSmall(gap);
    for (const { place, chunk } of gap) yield { place: isMerged ? undefined : place, chunk };
    yield one;
    gap = [];
    isAfterFetched = true;
  }
  yield* gap;
}

function isSmall<Place>(gap: readonly Placed<Place>[]): boolean {
  return gap.reduce((sum, { chunk }) => sum + chunk.frameBytes, 0) <= pieceLimits.mergedGapBytes;
}

function continues<Place>(
  last: Growing<Place>,
  place: Place | undefined,
  follows: PlanOptions<Place>['follows'],
): boolean {
  if (last.place === undefined || place === undefined) return last.place === place;
  return follows(last.place, last.bytes, place);
}
