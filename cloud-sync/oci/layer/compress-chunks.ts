import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

const compress = promisify(zstdCompress);
/** Small for what it costs: 150 MB take some seconds on two cores. */
const level = 6;
/** Keeps the threads busy while the next chunks are cut. */
const chunksAtOnce = 4 * availableParallelism();

export type CompressedChunk = { readonly plainBytes: number; readonly frame: Buffer };

/** A zstd frame for each chunk, in their order. Work in flight finishes when the consumer stops early. */
export async function* compressChunks(chunks: Iterable<Uint8Array>): AsyncGenerator<CompressedChunk> {
  const waiting: Promise<CompressedChunk>[] = [];
  try {
    for (const plain of chunks) {
      const work = compressChunk(plain);
      // Whoever awaits it sees a failure; that may be later.
      void work.catch(() => undefined);
      waiting.push(work);
      if (waiting.length >= chunksAtOnce) yield* next(waiting);
    }
    while (waiting.length > 0) yield* next(waiting);
  } finally {
    await Promise.allSettled(waiting);
  }
}

async function* next(waiting: Promise<CompressedChunk>[]): AsyncGenerator<CompressedChunk> {
  const first = await waiting[0];
  void waiting.shift();
  if (first !== undefined) yield first;
}

async function compressChunk(plain: Uint8Array): Promise<CompressedChunk> {
  const frame = await compress(plain, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    // Written into the frame, so that readers know what comes out.
    pledgedSrcSize: plain.byteLength,
  });
  return { plainBytes: plain.byteLength, frame };
}
