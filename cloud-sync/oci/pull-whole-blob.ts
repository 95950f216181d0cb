import { SyncError } from '../errors.ts';
import type { BlobWriter } from './blob-writer.ts';
import type { BlobRequest } from './registry-client.ts';
import type { RegistrySources } from './registry-sources.ts';

export type WholePull = {
  readonly sources: RegistrySources;
  readonly signal: AbortSignal;
  readonly onReceived?: (bytes: number) => void;
  /** Bytes of this blob that are there. */
  readonly onProgress?: (bytes: number) => void;
};

/**
 * Downloads a blob from the first registry that gives it, and commits it, verified. What one registry gave is gone on with by
 * the next, unless it was wrong.
 */
export async function pullWholeBlob(
  blob: BlobRequest,
  writer: BlobWriter,
  { sources, ...transfer }: WholePull,
): Promise<void> {
  await sources.first(async (client) => {
    try {
      await client.pullBlob(blob, writer, transfer);
    } catch (error) {
      if (isDamage(error)) await writer.reset();
      throw error;
    }
  });
}

function isDamage(error: unknown): boolean {
  return error instanceof SyncError && ['digestMismatch', 'sizeMismatch', 'tooLarge'].includes(error.code);
}
