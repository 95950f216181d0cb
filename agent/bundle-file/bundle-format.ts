import type { Descriptor } from '../../cloud-sync/oci/index.ts';

/**
 * A bundle file (`machine.hfb`): an OCI image layout (image spec 1.1, image-layout.md) as one tar, blobs in the order of their digests.
 * Every entry of its index has a name: of the component that it is of, or `machine` for the manifest that names them all.
 */
export const machineArtifactType = 'application/vnd.holdfast.machine.v1';
export const machineManifestType = 'application/vnd.holdfast.machine.manifest.v1+json';
export const machineEntryName = 'machine';

/** The repository of its snapshots, in manifests of so many files each: `vault.1`, `vault.2`, … */
export const vaultArtifactType = 'application/vnd.holdfast.vault.v1';
export const vaultEntryPrefix = 'vault.';
export const vaultFilesPerEntry = 1000;

/** Every file but `config` is named by its SHA-256 there, and so is a blob as it is. */
const vaultFileType = /^application\/vnd\.holdfast\.vault\.(config|keys|index|snapshots|data)\.v1$/;

export type VaultFileType = 'config' | 'keys' | 'index' | 'snapshots' | 'data';

export function vaultMediaType(type: VaultFileType): string {
  return `application/vnd.holdfast.vault.${type}.v1`;
}

export function vaultTypeOf(mediaType: string): VaultFileType | undefined {
  return vaultFileType.exec(mediaType)?.[1] as VaultFileType | undefined;
}

export const refNameAnnotation = 'org.opencontainers.image.ref.name';

export const layoutFileName = 'oci-layout';
export const indexFileName = 'index.json';
export const layoutFile = { imageLayoutVersion: '1.0.0' };

export const bundleBounds = {
  entries: 100_000,
  indexBytes: 4 * 2 ** 20,
  layoutFileBytes: 4096,
  /** Of a machine's manifest. */
  manifestBytes: 4 * 2 ** 20,
} as const;

export function nameOfEntry({ annotations }: Descriptor): string | undefined {
  return annotations?.[refNameAnnotation];
}
