import type { Descriptor, OciLayout } from '../../cloud-sync/oci/index.ts';
import type { Digest } from '../../lib/digest.ts';
import { CliError } from '../errors.ts';
import { patiently } from '../patience.ts';
import { Progress } from '../progress.ts';
import type { Run } from '../run.ts';
import { openRegistry } from './open-registry.ts';

export type PushFromLayout = {
  readonly layout: OciLayout;
  readonly image: Descriptor;
  /** `[host/]repository[:tag]` */
  readonly reference: string;
};

export type Pushed = {
  readonly name: string;
  readonly pinned: string;
  readonly digest: Digest;
  readonly bytesTotal: number;
  readonly bytesSent: number;
};

/** Pushes with a progress bar, again while the registry is away (`--retry`): what arrived is not sent twice. */
export async function pushFromLayout(
  run: Run,
  { layout, image, reference }: PushFromLayout,
): Promise<Pushed> {
  const [{ parseReference }, { pushImage }] = await Promise.all([
    import('../../cloud-sync/oci/index.ts'),
    import('../../cloud-sync/oci/image/push-image.ts'),
  ]);
  const { registry, repository, tag = 'latest', digest } = parseReference(reference);
  if (digest !== undefined) {
    throw new CliError('usage', `Cannot push to ${reference}: name a tag, not a digest.`, {
      hint: 'Such as acme/dashboard:v2',
    });
  }
  const place = registry === undefined ? repository : `${registry}/${repository}`;
  await using opened = await openRegistry(run, registry);
  using progress = new Progress(run.io, { label: `Pushing ${repository}:${tag}`, enabled: !run.out.json });
  const pushed = await patiently(run, () =>
    pushImage({
      layout,
      client: opened.client,
      repository,
      tag,
      digest: image.digest,
      signal: run.signal,
      onProgress: (done, total) => progress.bytes(done, total),
    }),
  );
  return { name: `${place}:${tag}`, pinned: `${place}@${pushed.digest}`, ...pushed };
}
