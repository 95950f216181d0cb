import type { Descriptor } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { pullWholeBlob } from '../pull-whole-blob.ts';
import type { RegistrySources } from '../registry-sources.ts';
import type { PullMeter } from './pull-meter.ts';

export type BlobPull = {
  readonly sources: RegistrySources;
  readonly layout: OciLayout;
  readonly repository: string;
  readonly signal: AbortSignal;
  readonly meter: PullMeter;
};

/** Brings one blob into the layout, verified, from the first registry that gives it. */
export async function pullBlob({ digest, size }: Descriptor, pull: BlobPull): Promise<void> {
  const { sources, layout, repository, signal, meter } = pull;
  await using writer = await layout.createBlobWriter({ digest, size });
  await pullWholeBlob({ repository, digest, size }, writer, {
    sources,
    signal,
    onReceived: (bytes) => meter.received(bytes),
    onProgress: (held) => meter.held(digest, held),
  });
  meter.held(digest, size);
}
