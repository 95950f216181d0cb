import type { Digest } from '../../../lib/digest.ts';
import { SyncError } from '../../errors.ts';
import {
  imageIndexSchema,
  imageManifestSchema,
  manifestMaxBytes,
  type ImageIndex,
  type ImageManifest,
} from '../manifest.ts';
import type { OciLayout } from '../oci-layout.ts';
import { chooseManifest } from './choose-manifest.ts';
import type { RegistrySources } from '../registry-sources.ts';
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
    const document = parse(await read(digest), name);
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

type Document =
  | { readonly kind: 'image'; readonly manifest: ImageManifest }
  | { readonly kind: 'index'; readonly index: ImageIndex };

/** What names layers as well as manifests would be one thing to us and another to other tools: it is neither. */
function parse(bytes: Uint8Array, name: string): Document {
  const value = parseJson(bytes, name);
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || 'manifests' in value === 'layers' in value) {
    throw badImage(name, 'is neither an image manifest nor an index');
  }
  try {
    return 'layers' in value
      ? { kind: 'image', manifest: imageManifestSchema.parse(value) }
      : { kind: 'index', index: imageIndexSchema.parse(value) };
  } catch (cause) {
    throw badImage(name, 'is no valid manifest', cause);
  }
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch (cause) {
    throw badImage(name, 'is no JSON', cause);
  }
}

/** An image that no other registry and no other attempt makes better. */
export function badImage(name: string, what: string, cause?: unknown): SyncError {
  return new SyncError('badImage', `${name} ${what}`, {
    cause,
    hint: 'It was built or pushed wrongly: build it again, or name another image.',
  });
}
