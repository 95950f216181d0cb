import type { Digest } from '../../../lib/digest.ts';
import { manifestMaxBytes, type ImageManifest } from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { chooseManifest } from './choose-manifest.ts';
import type { RegistrySources } from '../registry-sources.ts';
import { badImage } from './bad-image.ts';
import { parseManifestDocument } from './manifest-document.ts';
import type { Platform } from './platform.ts';

export type ManifestRequest = {
  readonly sources: RegistrySources;
  readonly layout: OciLayout;
  readonly repository: string;
  readonly digest: Digest;
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly onReceived: (bytes: number) => void;
};

export type FoundManifest = { readonly digest: Digest; readonly manifest: ImageManifest };

/** An index may name another; nobody nests them deeper. */
const maxIndexes = 3;

/**
 * The manifest of this platform, and every index on the way to it, in the layout. Rejects with `badImage`, `wrongPlatform`
 * and the failures of the registries.
 */
export function pullManifest(request: ManifestRequest): Promise<FoundManifest> {
  return findManifest(request, (digest) => bytesOf(request, digest));
}

/** The manifest of this platform, by the verified bytes of each document on the way to it. */
export async function findManifest(
  image: { readonly repository: string; readonly digest: Digest; readonly platform: Platform },
  read: (digest: Digest) => Promise<Uint8Array>,
): Promise<FoundManifest> {
  let { digest } = image;
  for (let depth = 0; depth <= maxIndexes; depth++) {
    const name = `${image.repository}@${digest}`;
    const document = parseManifestDocument(await read(digest), name);
    if (document.kind === 'image') return { digest, manifest: document.manifest };
    digest = chooseManifest(document.index, image.platform, name).digest;
  }
  throw badImage(`${image.repository}@${image.digest}`, `names indexes more than ${maxIndexes} deep`);
}

async function bytesOf(
  { sources, layout, repository, signal, onReceived }: ManifestRequest,
  digest: Digest,
): Promise<Uint8Array> {
  if (await layout.isWhole(digest, { signal })) return layout.read(digest, manifestMaxBytes);
  const { bytes } = await sources.first((client) =>
    client.pullManifest(repository, digest, { signal, onReceived }),
  );
  await layout.writeBlob(digest, bytes);
  return bytes;
}
