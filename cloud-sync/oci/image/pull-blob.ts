import { SyncError } from '../../errors.ts';
import type { BlobWriter } from '../blob-writer.ts';
import type { Descriptor } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import type { ImageSources } from './image-sources.ts';
import type { PullMeter } from './pull-meter.ts';

export type BlobPull = {
  readonly sources: ImageSources;
  readonly layout: OciLayout;
  readonly repository: string;
  readonly signal: AbortSignal;
  readonly meter: PullMeter;
};

/** Brings one blob into the layout, verified, from the first registry that gives it. */
export async function pullBlob(blob: Descriptor, pull: BlobPull): Promise<void> {
  await using writer = await pull.layout.createBlobWriter({ digest: blob.digest, size: blob.size });
  await pullWhole(blob, writer, pull);
}

/** What one registry gave is gone on with by the next, unless it was wrong. */
async function pullWhole(
  { digest, size }: Descriptor,
  writer: BlobWriter,
  { sources, repository, signal, meter }: BlobPull,
): Promise<void> {
  await sources.first(async (client) => {
    try {
      await client.pullBlob({ repository, digest, size }, writer, {
        signal,
        onReceived: (bytes) => meter.received(bytes),
        onProgress: (held) => meter.held(digest, held),
      });
    } catch (error) {
      if (isDamage(error)) await writer.reset();
      throw error;
    }
  });
  meter.held(digest, size);
}

function isDamage(error: unknown): boolean {
  return error instanceof SyncError && ['digestMismatch', 'sizeMismatch', 'tooLarge'].includes(error.code);
}
