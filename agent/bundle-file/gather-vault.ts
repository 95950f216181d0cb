import { SyncError } from '../../cloud-sync/errors.ts';
import { ociManifestType, type Descriptor, type OciLayout } from '../../cloud-sync/oci/index.ts';
import type { VaultBackend } from '../../cloud-sync/vault/backend/backend.ts';
import { digestOf, type Digest } from '../../lib/digest.ts';
import {
  refNameAnnotation,
  vaultArtifactType,
  vaultEntryPrefix,
  vaultFilesPerEntry,
  vaultMediaType,
} from './bundle-format.ts';

export type GatherVaultRequest = {
  readonly backend: VaultBackend;
  readonly layout: OciLayout;
  readonly onProgress: (bytesDone: number, bytesTotal: number) => void;
  readonly signal: AbortSignal;
};

export type GatheredVault = { readonly entries: readonly Descriptor[]; readonly blobs: readonly Digest[] };

/** Larger than any pack or index that is written. */
const fileMaxBytes = 512 * 2 ** 20;

/**
 * Brings a repository into the layout as it is, encrypted: no key is needed. What names others comes first, so that a snapshot that is
 * taken meanwhile is there whole or not at all. Rejects with `noRepository`, and `conflict` when files go away meanwhile.
 */
export async function gatherVault(request: GatherVaultRequest): Promise<GatheredVault> {
  const { backend, layout, onProgress, signal } = request;
  const files: Descriptor[] = [];
  for (const type of ['snapshots', 'index', 'keys', 'data'] as const) {
    for (const { name, bytes } of (await backend.list(type, { signal })).sort(byName))
      files.push({ mediaType: vaultMediaType(type), digest: `sha256:${name}` as Digest, size: bytes });
  }
  if (!files.some(({ mediaType }) => mediaType === vaultMediaType('keys')))
    throw new SyncError('noRepository', `There is no repository in ${backend.location}`, {
      hint: 'Name another one with --repository, or leave the data out.',
    });
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const file of files) {
    await takeFile(request, file);
    onProgress((done += file.size), total);
  }
  const config = await backend.read('config', '', { signal, maxBytes: fileMaxBytes });
  const described = [await put(layout, vaultMediaType('config'), config), ...files];
  const entries = await writeManifests(layout, described);
  const names = [...described, ...entries].map(({ digest }) => digest);
  return { entries, blobs: [...names, digestOf(emptyConfig)] };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

/** Its digest is its name, so what was damaged on the way does not get in. */
async function takeFile({ backend, layout, signal }: GatherVaultRequest, { mediaType, digest }: Descriptor) {
  if (await layout.isWhole(digest, { signal })) return;
  const type = mediaType.split('.').at(-2) as 'data';
  try {
    const name = digest.slice('sha256:'.length);
    await layout.writeBlob(digest, await backend.read(type, name, { signal, maxBytes: fileMaxBytes }));
  } catch (error) {
    if (!(error instanceof SyncError && error.code === 'notFound')) throw error;
    throw new SyncError('conflict', `${backend.location} changed while it was read: ${digest} is gone`, {
      cause: error,
      hint: 'Run the command again; it goes on where it was.',
    });
  }
}

const emptyConfig = Buffer.from('{}');

async function writeManifests(layout: OciLayout, files: readonly Descriptor[]): Promise<Descriptor[]> {
  const config = await put(layout, 'application/vnd.oci.empty.v1+json', emptyConfig);
  const entries: Descriptor[] = [];
  for (let at = 0; at < files.length; at += vaultFilesPerEntry) {
    const layers = files.slice(at, at + vaultFilesPerEntry);
    const document = {
      schemaVersion: 2,
      mediaType: ociManifestType,
      artifactType: vaultArtifactType,
      config,
      layers,
    };
    const entry = await put(layout, ociManifestType, Buffer.from(JSON.stringify(document)));
    const annotations = { [refNameAnnotation]: `${vaultEntryPrefix}${entries.length + 1}` };
    entries.push({ ...entry, artifactType: vaultArtifactType, annotations });
  }
  return entries;
}

async function put(layout: OciLayout, mediaType: string, bytes: Buffer): Promise<Descriptor> {
  const digest = digestOf(bytes);
  await layout.writeBlob(digest, bytes);
  return { mediaType, digest, size: bytes.byteLength };
}
