import { open, type FileHandle } from 'node:fs/promises';
import { readChunkTable } from '../../../cloud-sync/oci/layer/chunk-table.ts';
import { layerCompression } from '../../../cloud-sync/oci/layer/layer-types.ts';

/** How much programs and libraries shrink, as a rule. */
const usualRatio = 3;

/** About how many bytes of tar a layer makes: by what its end says where it does, else by rule of thumb. */
export async function plainBytes({
  blob,
  mediaType,
}: {
  readonly blob: string;
  readonly mediaType: string;
}): Promise<number> {
  await using file = await open(blob, 'r');
  const { size } = await file.stat();
  const compression = layerCompression(mediaType);
  if (compression === 'none') return size;
  const told = compression === 'zstd' ? await fromChunks(file) : await fromGzipTrailer(file, size);
  return told ?? size * usualRatio;
}

async function fromChunks(file: FileHandle): Promise<number | undefined> {
  const chunks = await readChunkTable(file).catch(() => undefined);
  return chunks?.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
}

/** RFC 1952, ISIZE: modulo 2^32, and of the last member alone, so that one which cannot be is passed over. */
async function fromGzipTrailer(file: FileHandle, size: number): Promise<number | undefined> {
  if (size < 18) return undefined;
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, size - 4);
  const bytes = buffer.readUInt32LE(0);
  return bytes >= size ? bytes : undefined;
}
