import type { BlobWriter } from '../blob-writer.ts';
import type { LayerChunk } from '../layer/chunk-table.ts';
import type { Descriptor } from '../manifest.ts';
import type { ChunkIndex, LocalFrame } from './chunk-index.ts';
import type { LayerPull } from './layer-pull.ts';
import { planPieces, type Piece } from './plan-pieces.ts';
import { hasHashes, pullPart } from './pull-part.ts';

/** With more than this share to be fetched, one request for all of it is the better way. */
const mostlyMissing = 0.85;

export type Assembly = {
  readonly layer: Descriptor;
  readonly chunks: readonly LayerChunk[];
  /** The table itself, which ends the blob. */
  readonly table: Uint8Array;
  readonly index: ChunkIndex;
  readonly writer: BlobWriter;
};

type LayerPiece = Piece<LocalFrame>;

/**
 * Puts a layer together from frames that are here and ranges of the registry's blob, in its order, behind what an earlier
 * attempt left; then the blob's own digest decides. False, and nothing done, when most of it would have to be fetched.
 */
export async function assembleLayer(assembly: Assembly, pull: LayerPull): Promise<boolean> {
  const { chunks, table, index, writer, layer } = assembly;
  const held = writer.bytesWritten;
  const lacking = chunks.filter(({ offset, frameBytes }) => offset + frameBytes > held);
  const pieces = planPieces(lacking, { find: ({ hash }) => index.find(hash), follows });
  if (bytesToFetch(pieces) > mostlyMissing * (layer.size - held)) return false;
  await writePieces(pieces, assembly, pull);
  await writeAt(writer, layer.size - table.byteLength, table);
  await writer.commit();
  return true;
}

function follows(first: LocalFrame, bytes: number, next: LocalFrame): boolean {
  return next.blob === first.blob && next.position === first.position + bytes;
}

function bytesToFetch(pieces: readonly LayerPiece[]): number {
  return pieces.reduce((sum, { place, bytes }) => sum + (place ? 0 : bytes), 0);
}

/** Parts are asked for ahead and written in their order. What was begun has ended when this settles. */
async function writePieces(
  pieces: readonly LayerPiece[],
  { layer, index, writer }: Assembly,
  pull: LayerPull,
): Promise<void> {
  const stop = new AbortController();
  const stopped = { ...pull, signal: AbortSignal.any([pull.signal, stop.signal]) };
  const fetch = (piece: LayerPiece) => pull.slots.run(() => pullPart(layer.digest, piece, stopped));
  const toFetch = pieces.filter(({ place }) => !place).values();
  const ahead: Promise<Buffer>[] = [];
  const askAhead = () => {
    while (ahead.length < pull.partsAhead) {
      const next = toFetch.next();
      if (next.done) return;
      const part = fetch(next.value);
      // It is looked at when its turn comes.
      part.catch(() => undefined);
      ahead.push(part);
    }
  };
  try {
    askAhead();
    for (const piece of pieces) {
      const bytes = piece.place ? await localBytes(piece, piece.place, index) : await ahead.shift();
      await writeAt(writer, piece.offset, bytes ?? (await fetch(piece)));
      pull.meter.held(layer.digest, writer.bytesWritten);
      askAhead();
    }
  } finally {
    stop.abort();
    await Promise.allSettled(ahead);
  }
}

/** Undefined when they are not what they were: then they are fetched. */
async function localBytes(
  piece: LayerPiece,
  place: LocalFrame,
  index: ChunkIndex,
): Promise<Buffer | undefined> {
  const bytes = await index.read(place, piece.bytes);
  return bytes && hasHashes(bytes, piece.chunks) ? bytes : undefined;
}

/** Leaves out what the blob has already: an earlier attempt may have ended within a chunk. */
async function writeAt(writer: BlobWriter, offset: number, bytes: Uint8Array): Promise<void> {
  const held = Math.max(0, writer.bytesWritten - offset);
  if (held < bytes.byteLength) await writer.write(bytes.subarray(held));
}
