import type { Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import { chunkHash, type LayerChunk } from '../layer/chunk-table.ts';
import type { LayerPull } from './layer-pull.ts';

type Part = { readonly offset: number; readonly bytes: number; readonly chunks: readonly LayerChunk[] };

/** Consecutive chunks of a blob from the first registry that gives the right ones. */
export function pullPart(
  blob: Digest,
  { offset, bytes, chunks }: Part,
  { sources, repository, meter, signal }: LayerPull,
): Promise<Buffer> {
  const range = { start: offset, end: offset + bytes - 1 };
  return sources.first(async (client) => {
    const part = await client.pullRange({ repository, digest: blob }, range, {
      signal,
      onReceived: (received) => meter.received(received),
    });
    if (hasHashes(part, chunks)) return part;
    throw new SyncError(
      'digestMismatch',
      `Bytes ${offset} to ${range.end} of ${repository}@${blob} came from ${client.host} with other chunks than its table names`,
      { hint: 'They were damaged on their way or in the registry; nothing of them was kept.' },
    );
  });
}

/** Whether the bytes are these chunks, one behind the other. */
export function hasHashes(bytes: Uint8Array, chunks: readonly LayerChunk[]): boolean {
  let at = 0;
  return chunks.every(({ frameBytes, hash }) => chunkHash(bytes.subarray(at, (at += frameBytes))) === hash);
}
