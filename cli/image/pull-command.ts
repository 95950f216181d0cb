import { hostPlatform, parsePlatform } from '../../cloud-sync/oci/image/platform.ts';
import { pullImage } from '../../cloud-sync/oci/image/pull-image.ts';
import { ociManifestType, parseReference } from '../../cloud-sync/oci/index.ts';
import { patiently } from '../patience.ts';
import { formatBytes, Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { openRegistry } from './open-registry.ts';
import { openOutputLayout } from './output-layout.ts';

export type PullOptions = { readonly out: string; readonly platform?: string };

/** `holdfast image pull`: what arrived before a failure is not fetched again. */
export async function pull(run: Run, { out, ...options }: PullOptions, reference: string): Promise<void> {
  const { signal } = run;
  const platform = options.platform === undefined ? hostPlatform() : parsePlatform(options.platform);
  const { registry, repository, tag = 'latest', digest } = parseReference(reference);
  await using opened = await openRegistry(run, registry);
  const { client } = opened;
  const named = digest ?? (await patiently(run, () => client.resolveTag(repository, tag, { signal }))).digest;
  await using place = await openOutputLayout(out);
  const { layout } = place;
  using progress = new Progress(run.io, { label: `Pulling ${reference}`, enabled: !run.out.json });
  const { manifest, manifestDigest, bytesFetched } = await patiently(run, () =>
    pullImage({
      clients: [client],
      layout,
      repository,
      digest: named,
      platform,
      maxBytes: Number.MAX_SAFE_INTEGER,
      signal,
      onProgress: ({ bytesDone, bytesTotal }) => progress.bytes(bytesDone, bytesTotal),
    }),
  );
  const size = (await layout.size(manifestDigest)) ?? 0;
  await layout.tag(tag, { mediaType: manifest.mediaType ?? ociManifestType, digest: manifestDigest, size });
  const total = manifest.layers.reduce((sum, layer) => sum + layer.size, manifest.config.size);
  run.out.result({ layout: out, digest: manifestDigest, size: total, fetched: bytesFetched }, () =>
    [
      `Pulled ${reference} (${formatBytes(total)}, of which ${formatBytes(bytesFetched)} were fetched)`,
      manifestDigest,
    ].join('\n'),
  );
}
