import { digestOf } from '../../../lib/digest.ts';
import { SyncError, type SyncErrorCode } from '../../errors.ts';
import type { BlobWriter } from '../blob-writer.ts';
import { chunkTablePlace, parseChunkTable, type ChunkTablePlace } from '../layer/chunk-table.ts';
import type { Descriptor } from '../manifest.ts';
import { pullWholeBlob } from '../pull-whole-blob.ts';
import { assembleLayer } from './assemble-layer.ts';
import type { LayerPull } from './layer-pull.ts';

/**
 * Brings a layer, or any blob, into the layout, verified: from chunks that other layers here have where it has a chunk table,
 * else whole. A table that lies, a registry that sends no parts, a result with another digest: whole, too.
 */
export async function pullLayer(layer: Descriptor, pull: LayerPull): Promise<void> {
  const { digest, size } = layer;
  const { sources, layout, repository, slots, signal, meter } = pull;
  await using writer = await layout.createBlobWriter({ digest, size });
  if (!(await pullByChunks(layer, writer, pull))) {
    await slots.run(() =>
      pullWholeBlob({ repository, digest, size }, writer, {
        sources,
        signal,
        onReceived: (bytes) => meter.received(bytes),
        onProgress: (held) => meter.held(digest, held),
      }),
    );
  }
  meter.held(digest, size);
}

/** What a whole download may mend. */
const mendable: ReadonlySet<SyncErrorCode> = new Set([
  'badAnswer',
  'badImage',
  'digestMismatch',
  'sizeMismatch',
  'tooLarge',
  'registry',
]);

/** False when the layer is to be pulled whole. */
async function pullByChunks(layer: Descriptor, writer: BlobWriter, pull: LayerPull): Promise<boolean> {
  const place = chunkTablePlace(layer);
  const { index } = pull;
  if (!place || !index || index.isEmpty) return false;
  const wasHeld = writer.bytesWritten > 0;
  try {
    const table = await pullTable(layer, place, pull);
    const chunks = parseChunkTable(table, place.offset);
    return await assembleLayer({ layer, chunks, table, index, writer }, pull);
  } catch (error) {
    if (!(error instanceof SyncError) || error.transient || !mendable.has(error.code)) throw error;
    pull.sources.tell(error);
    if (error.code !== 'digestMismatch') return false;
    await writer.reset();
    // What an earlier attempt left may be torn by a power cut: once more, from nothing.
    return wasHeld && pullByChunks(layer, writer, pull);
  }
}

function pullTable(
  { digest }: Descriptor,
  { offset, size, digest: tableDigest }: ChunkTablePlace,
  { sources, repository, slots, signal, meter }: LayerPull,
): Promise<Buffer> {
  const range = { start: offset, end: offset + size - 1 };
  const onReceived = (bytes: number) => meter.received(bytes);
  return slots.run(() =>
    sources.first(async (client) => {
      const table = await client.pullRange({ repository, digest }, range, { signal, onReceived });
      if (digestOf(table) === tableDigest) return table;
      throw new SyncError(
        'digestMismatch',
        `The chunk table of ${repository}@${digest} came from ${client.host} with other bytes than its layer's description names`,
      );
    }),
  );
}
